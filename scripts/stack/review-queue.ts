import { EXCHANGE, QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { cleanHeaders, describe, type ReviewEntry, routingKeyOf, showVotes } from './review-message.ts';

/**
 * A quorum queue counts how often it has handed a message out and drops it at a limit (RabbitMQ 4: 20 unless
 * told otherwise). Looking counts too, so a message that was looked at so often is renewed by a copy.
 */
const RENEW_AFTER_DELIVERIES = 8;
const CONFIRM_LIMIT_MS = 10_000;

interface Held {
  message: GetMessage;
  entry: ReviewEntry;
}

/**
 * The review queue, for a person. Everything taken out is held unacknowledged until its copy is confirmed
 * elsewhere or a discard is written down: a crash at any moment leaves the message in the queue, at worst
 * also its copy where it was sent, and a copy is the same ballots (P3).
 */
export class ReviewQueue {
  readonly #model: ChannelModel;
  readonly #channel: ConfirmChannel;
  #returned = false;

  private constructor(model: ChannelModel, channel: ConfirmChannel) {
    this.#model = model;
    this.#channel = channel;
    channel.on('return', () => {
      this.#returned = true;
    });
    // The operation at hand rejects as well; without listeners the process would end.
    channel.on('error', () => {});
    model.on('error', () => {});
  }

  /** Connects. `url` is RabbitMQ's with the election's virtual host. */
  static async open(url: string): Promise<ReviewQueue> {
    const model = await connect(url, { timeout: 10_000, clientProperties: { connection_name: 'review' } });
    try {
      const channel = await model.createConfirmChannel();
      channel.on('error', () => {});
      await channel.checkQueue(QUEUES.review);
      return new ReviewQueue(model, channel);
    } catch (error) {
      await model.close().catch(() => {});
      throw error;
    }
  }

  /** What is in the queue, the oldest first; nothing is taken out. At most `limit` messages are read. */
  async list(limit: number): Promise<ReviewEntry[]> {
    return this.#with(limit, async (held) => held.map(({ entry }) => entry));
  }

  /** The votes of one message as they may be shown; undefined if it can't be read. Throws if there is no such. */
  async show(
    ref: string,
    limit: number,
  ): Promise<{ entry: ReviewEntry; votes: ReturnType<typeof showVotes> }> {
    return this.#with(limit, async (held) => {
      const { entry, message } = only(held, ref);
      return { entry, votes: showVotes(message.content) };
    });
  }

  /**
   * Sends messages back to the queue that each came from (or to `to`): published, confirmed, then removed
   * here. `refs` undefined: all. Resolves with what was done; a failing one stays, and so do the rest.
   */
  async replay(refs: readonly string[] | undefined, options: { limit: number; to?: QueueName }) {
    return this.#with(options.limit, async (held, settle) => {
      const done: { entry: ReviewEntry; to: QueueName }[] = [];
      const skipped: ReviewEntry[] = [];
      for (const { message, entry } of refs ? refs.map((ref) => only(held, ref)) : held) {
        const to = options.to ?? entry.from;
        if (!to) {
          skipped.push(entry);
          continue;
        }
        await this.#publish(routingKeyOf(to), message, cleanHeaders(message.properties.headers));
        settle(message);
        done.push({ entry, to });
      }
      return { done, skipped };
    });
  }

  /** Removes one message for good, after `record` has written down that it was. */
  async discard(
    ref: string,
    limit: number,
    record: (entry: ReviewEntry) => Promise<void>,
  ): Promise<ReviewEntry> {
    return this.#with(limit, async (held, settle) => {
      const { message, entry } = only(held, ref);
      await record(entry);
      settle(message);
      return entry;
    });
  }

  async close(): Promise<void> {
    // Closing in order makes sure that the broker has read the last acknowledgement.
    await this.#channel.close().catch(() => {});
    await this.#model.close().catch(() => {});
  }

  /** Holds up to `limit` messages while `work` runs; those that it does not settle go back. */
  async #with<T>(
    limit: number,
    work: (held: Held[], settle: (message: GetMessage) => void) => Promise<T>,
  ): Promise<T> {
    const held: Held[] = [];
    const open = new Set<GetMessage>();
    const settle = (message: GetMessage) => {
      this.#channel.ack(message);
      open.delete(message);
    };
    try {
      while (held.length < limit) {
        const message = await this.#channel.get(QUEUES.review, { noAck: false });
        if (!message) break;
        open.add(message);
        held.push({ message, entry: describe(message) });
      }
      return await work(held, settle);
    } finally {
      for (const { message, entry } of held) {
        if (!open.has(message)) continue;
        if (entry.deliveries < RENEW_AFTER_DELIVERIES) this.#channel.nack(message, false, true);
        else await this.#renew(message);
      }
    }
  }

  async #renew(message: GetMessage): Promise<void> {
    const { 'x-delivery-count': _, 'x-acquired-count': __, ...headers } = message.properties.headers ?? {};
    try {
      await this.#publish(routingKeyOf(QUEUES.review), message, headers);
      this.#channel.ack(message);
    } catch {
      this.#channel.nack(message, false, true);
    }
  }

  /** Publishes a copy and resolves with the broker's confirm; rejects if no queue took it. */
  #publish(
    routingKey: string,
    { content, properties }: GetMessage,
    headers: Record<string, unknown>,
  ): Promise<void> {
    this.#returned = false;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('the broker gave no confirm in time')),
        CONFIRM_LIMIT_MS,
      );
      const { messageId, type, timestamp, contentType } = properties;
      const kept = Object.fromEntries(
        Object.entries({ messageId, type, timestamp, contentType }).filter(
          ([, value]) => value !== undefined,
        ),
      );
      const options = { ...kept, headers, persistent: true, mandatory: true };
      this.#channel.publish(EXCHANGE, routingKey, content, options, (error) => {
        clearTimeout(timer);
        if (error) reject(new Error('the broker refused the message; it stays where it is'));
        else if (this.#returned) reject(new Error(`no queue is bound for ${routingKey}; the message stays`));
        else resolve();
      });
    });
  }
}

function only(held: readonly Held[], ref: string): Held {
  const found = held.filter(({ entry }) => entry.ref.startsWith(ref));
  if (found.length === 0) throw new Error(`there is no message ${ref} in ${QUEUES.review}`);
  // A message and its copy are the same bytes: the first will do.
  if (new Set(found.map(({ entry }) => entry.ref)).size > 1)
    throw new Error(`${ref} names more than one message`);
  return found[0]!;
}
