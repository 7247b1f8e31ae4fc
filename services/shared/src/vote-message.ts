import { z } from 'zod';
import { choiceSchema } from './choice.ts';
import { lawIdSchema } from './law-id.ts';
import { timestampSchema } from './timestamp.ts';

const ballotIdSchema = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const voterSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** At most so many votes travel in one message. A broker's message stays under about 40 KiB. */
export const MAX_VOTES_PER_MESSAGE = 128;

/** What an election that records clients keeps of a duplicate attempt (design, P5). */
const clientSchema = { ip: z.string().max(45).optional(), user_agent: z.string().max(256).optional() };

/** A vote between ingestion and validation. */
export const pendingVoteSchema = z.object({
  ballot_id: ballotIdSchema,
  voter: voterSchema,
  law_id: lawIdSchema,
  vote: choiceSchema,
  timestamp: timestampSchema,
  status: z.literal('pending'),
  duplicate_count: z.literal(0),
  ...clientSchema,
});
export type PendingVote = z.infer<typeof pendingVoteSchema>;

/**
 * A vote between validation and aggregation. Only a validated one still has its choice, and only a
 * validated one or a duplicate its voter: what is not counted has no need of them (P5).
 */
export const decidedVoteSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('validated'),
    ballot_id: ballotIdSchema,
    voter: voterSchema,
    law_id: lawIdSchema,
    vote: choiceSchema,
    timestamp: timestampSchema,
    duplicate_count: z.literal(0),
    ...clientSchema,
  }),
  z.object({
    status: z.literal('duplicate'),
    ballot_id: ballotIdSchema,
    voter: voterSchema,
    law_id: lawIdSchema,
    timestamp: timestampSchema,
    duplicate_count: z.literal(1),
    ...clientSchema,
  }),
  z.object({
    status: z.literal('invalid'),
    ballot_id: ballotIdSchema,
    law_id: lawIdSchema,
    timestamp: timestampSchema,
    duplicate_count: z.literal(0),
  }),
]);
export type DecidedVote = z.infer<typeof decidedVoteSchema>;

/** The message that a queue carries: a handful of votes. Its AMQP `type` is {@link MESSAGE_TYPE}. */
const envelope = <T extends z.ZodType>(vote: T) =>
  z.object({ version: z.literal(1), votes: z.array(vote).min(1).max(MAX_VOTES_PER_MESSAGE) });

export const pendingMessageSchema = envelope(pendingVoteSchema);
export const decidedMessageSchema = envelope(decidedVoteSchema);

export const MESSAGE_TYPE = 'scrutin.votes.v1';

export const encodeVotes = (votes: readonly (PendingVote | DecidedVote)[]): Buffer =>
  Buffer.from(JSON.stringify({ version: 1, votes }));

/** What could be read of a message: the good votes, and each bad one with what is wrong with it. */
export interface DecodedVotes<T> {
  votes: T[];
  /** Votes that don't fit the schema. `reason` names the member, never its value. */
  rejected: { vote: unknown; reason: string }[];
}

/** The message as a whole can't be read: not JSON, another version, no votes. It goes to review. */
export class UnreadableMessage extends Error {
  override name = 'UnreadableMessage';
  readonly code = 'unreadable-message';
}

/** The ballot id of a vote that fits no schema, if it has one. */
export function ballotIdIn(vote: unknown): string | undefined {
  const found = z.object({ ballot_id: ballotIdSchema }).safeParse(vote);
  return found.success ? found.data.ballot_id : undefined;
}

const outerSchema = envelope(z.unknown());

/**
 * Reads a message's votes one by one, so that a bad one among them costs no good one.
 * Throws {@link UnreadableMessage} if there is nothing to read.
 */
export function decodeVotes<T>(content: Buffer, voteSchema: z.ZodType<T>): DecodedVotes<T> {
  let json: unknown;
  try {
    json = JSON.parse(content.toString('utf8'));
  } catch {
    throw new UnreadableMessage('not JSON');
  }
  const outer = outerSchema.safeParse(json);
  if (!outer.success) throw new UnreadableMessage(reasonOf(outer.error));
  const decoded: DecodedVotes<T> = { votes: [], rejected: [] };
  for (const vote of outer.data.votes) {
    const parsed = voteSchema.safeParse(vote);
    if (parsed.success) decoded.votes.push(parsed.data);
    else decoded.rejected.push({ vote, reason: reasonOf(parsed.error) });
  }
  return decoded;
}

const reasonOf = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || 'message'}: ${issue.code}`).join('; ');
