import { z } from 'zod';
import { lawIdSchema } from './law-id.ts';
import { timestampSchema } from './timestamp.ts';

/** An election's id: a Kubernetes name (RFC 1123 label), so that it can name a database and a virtual host. */
export const ELECTION_ID_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

export const electionIdSchema = z
  .string()
  .regex(ELECTION_ID_PATTERN, 'must be 1 to 40 lower-case letters, digits and "-"');

/** PostgreSQL stores neither a NUL nor half a character, and no page shows them. */
const isText = (text: string): boolean => text.isWellFormed() && !/[^\P{Cc}\t\n\r]/u.test(text);
const textSchema = z.string().min(1).max(500).refine(isText, 'must be text without control characters');

export const bilingualSchema = z.object({
  fr: textSchema.describe('In French.'),
  en: textSchema.describe('In English.'),
});

export const lawSchema = z.object({
  id: lawIdSchema,
  title: bilingualSchema.describe('The law’s title, in French and English.'),
  question: bilingualSchema.optional().describe('What the voter is asked, if more than the title is needed.'),
});
export type Law = z.infer<typeof lawSchema>;

/** When counts are shown: after closing, or while people vote. */
export const resultsPolicySchema = z.enum(['afterClose', 'live']);

/**
 * The election as the stages see it: what the reconciler publishes in Redis (for ingestion and validation)
 * and in PostgreSQL (for results). Made from an `Election` resource; holds no secret.
 */
export const publishedElectionSchema = z.object({
  id: electionIdSchema,
  title: bilingualSchema,
  laws: z.array(lawSchema).min(1).max(255),
  opensAt: timestampSchema,
  closesAt: timestampSchema,
  results: resultsPolicySchema,
  recordClients: z.boolean(),
  /** The NAS must pass the Luhn check. */
  luhn: z.boolean(),
  /** Nothing is accepted while true. */
  suspended: z.boolean(),
  /** Distinct voters of the electorate; 0 until it is loaded. */
  eligible: z.number().int().min(0),
  layout: z.object({
    shards: z.number().int().min(1).max(1024),
    bucketBits: z.number().int().min(0).max(24),
  }),
  /** SHA-256 of the electorate's files: once people have voted no other electorate is taken. */
  electorateDigest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
export type PublishedElection = z.infer<typeof publishedElectionSchema>;

export type ElectionWindow = 'notYetOpen' | 'open' | 'suspended' | 'closed';

/** Opening and closing as milliseconds since the epoch: asked for every vote, so parsed once a document. */
const moments = new WeakMap<PublishedElection, { opens: number; closes: number }>();

function momentsOf(election: PublishedElection): { opens: number; closes: number } {
  let known = moments.get(election);
  if (!known) {
    known = { opens: Date.parse(election.opensAt), closes: Date.parse(election.closesAt) };
    moments.set(election, known);
  }
  return known;
}

/**
 * Whether a vote that arrives at `now` (milliseconds since the epoch) is taken. closesAt is exclusive.
 * `election` is not changed after it was read: another document is another object.
 */
export function electionWindow(election: PublishedElection, now: number): ElectionWindow {
  const { opens, closes } = momentsOf(election);
  if (now >= closes) return 'closed';
  if (now < opens) return 'notYetOpen';
  return election.suspended ? 'suspended' : 'open';
}
