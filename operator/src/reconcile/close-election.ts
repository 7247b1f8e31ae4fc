import type { PublishedElection } from '@scrutin/shared/election.ts';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { StepError } from './conditions.ts';
import type { Ports } from './ports.ts';

/**
 * So long after closesAt a vote that was accepted before it may still be on its way to the broker: its
 * confirm takes at most CONFIRM_TIMEOUT_MS (5 s by default), and the machines' clocks may differ a little.
 */
export const CLOSING_GRACE_MS = 10_000;

export type Closing = { state: 'draining'; message: string } | { state: 'closed'; digest: string; at: Date };

export interface ClosingOptions {
  /** Milliseconds after closesAt in which votes may still arrive. */
  graceMs?: number | undefined;
  /** Ends the wait for empty queues. */
  signal?: AbortSignal | undefined;
  /** The digest that was told to be final before, if one was. */
  declared?: string | undefined;
}

/**
 * Declares the result final once every accepted vote is in the tally (P1). Repeating it changes nothing.
 * Throws {@link StepError} if the tally doesn't add up, or comes to another result than the one that was declared.
 */
export async function closeElection(
  published: PublishedElection,
  ports: Ports,
  { graceMs = CLOSING_GRACE_MS, signal, declared }: ClosingOptions = {},
): Promise<Closing> {
  const final = await ports.ledger.closed();
  if (final) return { state: 'closed', ...final };
  const left = Date.parse(published.closesAt) + graceMs - ports.now();
  if (left > 0)
    return { state: 'draining', message: `Votes under way may arrive for ${Math.ceil(left / 1000)} s more` };
  const review = (await ports.broker.depths(published.id))[QUEUES.review];
  const aside = review.ready + review.unacknowledged;
  if (aside > 0)
    return {
      state: 'draining',
      message: `${aside} messages were set aside in ${QUEUES.review}; replay or discard them (npm run review)`,
    };
  if (!(await ports.broker.isDrained(published.id, signal)))
    return { state: 'draining', message: 'Accepted votes are on their way to the tally' };
  const { ok, problems } = await ports.ledger.invariants();
  if (!ok)
    throw new StepError(
      'TallyInconsistent',
      `the tally does not add up and nothing was declared final: ${problems.join('; ')}`,
      { lasting: true },
    );
  const document = resultDocument(published, published.eligible, await ports.ledger.counts(), true);
  const digest = resultDigest(document);
  // Its ledger was restored to a moment before the end: a final result is not quietly replaced by one that lacks votes.
  if (declared !== undefined && declared !== digest)
    throw new StepError(
      'ResultDiffers',
      `the result was declared final with the SHA-256 ${declared}, and PostgreSQL’s comes to ${digest}; restore a later backup. If there is none, take the status away to have this result declared: make the Election anew, deleted with reclaimPolicy Retain`,
      { lasting: true },
    );
  const at = new Date(ports.now());
  await ports.ledger.close(digest, at);
  return { state: 'closed', digest, at };
}
