import { createHash } from 'node:crypto';
import { BINDINGS, QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import type { GetMessage } from 'amqplib';

/** A message that was set aside, as a person may see it: no voter and no choice, let alone both (P5). */
export interface ReviewEntry {
  /** Names the message in commands: twelve hexadecimal digits. */
  ref: string;
  /** Where it was taken from when it was set aside; undefined if it doesn't say. */
  from: QueueName | undefined;
  reason: string;
  /** When it was published first, milliseconds since the epoch, if it says. */
  publishedAt: number | undefined;
  /** Votes in it, or undefined if it can't be read. */
  votes: number | undefined;
  bytes: number;
  /** Times that the broker has handed it out before. */
  deliveries: number;
}

interface Death {
  queue?: unknown;
  reason?: unknown;
}

/** Reads what a message says of itself. Never throws, whatever it holds. */
export function describe(message: GetMessage): ReviewEntry {
  const { properties, content } = message;
  const headers = properties.headers ?? {};
  const deaths = Array.isArray(headers['x-death']) ? (headers['x-death'] as Death[]) : [];
  // The newest death stands first; one in the review queue itself is not where it came from.
  const death = deaths.find(({ queue }) => queue !== QUEUES.review);
  const from = [headers['x-review-queue'], death?.queue, headers['x-first-death-queue']].find(isWorkQueue);
  const reason =
    typeof headers['x-review-reason'] === 'string'
      ? headers['x-review-reason']
      : death
        ? (DEATHS[String(death.reason)] ?? String(death.reason))
        : 'not said';
  const seconds = Number(properties.timestamp);
  return {
    ref: createHash('sha256')
      .update(String(properties.messageId ?? ''))
      .update('\0')
      .update(content)
      .digest('hex')
      .slice(0, 12),
    from,
    reason: printable(reason),
    publishedAt: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
    votes: readVotes(content)?.length,
    bytes: content.length,
    deliveries: Number(headers['x-delivery-count'] ?? 0),
  };
}

/** RabbitMQ's reasons for dead-lettering, in words. */
const DEATHS: Record<string, string> = {
  rejected: 'could not be read',
  delivery_limit: 'was given back too often',
  maxlen: 'the queue was full',
  expired: 'waited too long',
};

/** Members that may be shown of a vote. `voter`, `vote`, `ip` and `user_agent` never are (P4, P5). */
const SHOWN = ['ballot_id', 'law_id', 'status', 'timestamp', 'duplicate_count'];

/** Each vote of the message with what may be shown of it; of other members only that they are there. */
export function showVotes(content: Buffer): Record<string, string>[] | undefined {
  return readVotes(content)?.map((vote) => {
    if (typeof vote !== 'object' || vote === null) return { '(a vote)': `is no object but ${typeof vote}` };
    return Object.fromEntries(
      Object.entries(vote)
        .slice(0, 20)
        .map(([name, value]) => [
          printable(name).slice(0, 40),
          // A number may be a NAS that somebody queued by mistake; strings of these members are looked at likewise.
          SHOWN.includes(name) && (typeof value === 'string' || typeof value === 'number')
            ? hideDigits(printable(String(value)).slice(0, 60), name)
            : `(${value === null ? 'null' : typeof value}, not shown)`,
        ]),
    );
  });
}

/** The exchange's routing key that leads back to the queue. */
export const routingKeyOf = (queue: QueueName): string =>
  BINDINGS.find((binding) => binding.queue === queue)!.routingKey;

/** The headers without the traces of dying, so that the message begins a new life. */
export function cleanHeaders(headers: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).filter(
      ([name]) => !/^x-(?:death|first-death|last-death|delivery-count|acquired-count|review-)/.test(name),
    ),
  );
}

const isWorkQueue = (queue: unknown): queue is QueueName =>
  queue === QUEUES.validation || queue === QUEUES.aggregation;

function readVotes(content: Buffer): unknown[] | undefined {
  try {
    const { votes } = JSON.parse(content.toString('utf8')) as { votes?: unknown };
    return Array.isArray(votes) ? votes : undefined;
  } catch {
    return undefined;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
const printable = (text: string): string => text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?').slice(0, 200);

const hideDigits = (text: string, name: string): string =>
  name === 'timestamp' || name === 'ballot_id'
    ? text
    : text.replace(/\d{3}[ -]?\d{3}[ -]?\d{3}/g, '[removed]');
