import { electionWindow, publishedElectionSchema } from '@scrutin/shared/election.ts';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import { timestampSchema } from '@scrutin/shared/timestamp.ts';
import { z } from 'zod';

const count = z.int().min(0);

const rowSchema = z.object({
  election: publishedElectionSchema,
  eligible: count,
  phase: z.string(),
  closed_at: timestampSchema.nullable(),
  digest: z.string().nullable(),
  counts: z.array(
    z.object({
      law_id: z.string(),
      oui: count,
      non: count,
      updated_at: timestampSchema,
    }),
  ),
});

/** Election and counts as PostgreSQL had them at one moment. Never changed: another reading is another object. */
export type Snapshot = Readonly<z.infer<typeof rowSchema>>;

/** Decodes what `read-snapshot.sql` gives. Throws if it fits no schema. */
export const parseSnapshot = (text: string): Snapshot => rowSchema.parse(JSON.parse(text));

export const PHASES = ['notYetOpen', 'open', 'suspended', 'counting', 'final'] as const;
/**
 * Where the election stands for readers. `counting`: closed, but accepted votes may still be on their way
 * to the tally; `final`: the reconciler has seen the queues empty and declared the result.
 */
export type Phase = (typeof PHASES)[number];

/** The reconciler's phase after which no count changes any more. */
const LEDGER_CLOSED = 'Closed';

/** The clock (milliseconds since the epoch) decides, and the ledger's phase whether the result is final. */
export function phaseAt(snapshot: Snapshot, now: number): Phase {
  const window = electionWindow(snapshot.election, now);
  if (window !== 'closed') return window;
  return snapshot.phase === LEDGER_CLOSED ? 'final' : 'counting';
}

/** Whether counts may be told at this phase. */
export const isRevealed = (snapshot: Snapshot, phase: Phase): boolean =>
  snapshot.election.results === 'live' || phase === 'counting' || phase === 'final';

/** The result's bytes at this phase, whose digest anyone can make again. */
export const documentOf = (snapshot: Snapshot, phase: Phase): Buffer =>
  resultDocument(
    snapshot.election,
    snapshot.eligible,
    snapshot.counts.map(({ law_id, oui, non }) => ({ lawId: law_id, oui, non })),
    phase === 'final',
  );

/**
 * Whether the digest that was published with the final result is that of the counts read now: true, false,
 * or null while nothing was published.
 */
export function digestVerified(snapshot: Snapshot): boolean | null {
  if (snapshot.phase !== LEDGER_CLOSED || snapshot.digest === null) return null;
  return resultDigest(documentOf(snapshot, 'final')) === snapshot.digest;
}
