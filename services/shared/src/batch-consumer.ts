import type { z } from 'zod';
import { BatchSession } from './batch-session.ts';
import { Broker } from './broker.ts';
import type { Log } from './log.ts';
import type { Publisher } from './publisher.ts';
import type { QueueState } from './queue-metrics.ts';
import type { QueueName } from './topology.ts';
import type { VoteTracing } from './vote-tracing.ts';

/** All that a consumer has to know of a vote. */
export interface TimedVote {
  /** UTC, ISO 8601. */
  timestamp: string;
}

export interface BatchConsumerOptions<T extends TimedVote> {
  url: string;
  name: string;
  queue: QueueName;
  voteSchema: z.ZodType<T>;
  /** Messages that the broker may hand out before the first is acknowledged. */
  prefetch: number;
  /** A batch is closed when it holds so many votes (the last message may exceed it). */
  maxVotes: number;
  /** An incomplete batch waits so long for more. Milliseconds. */
  lingerMs: number;
  /**
   * Makes the batch's effects durable; after it resolves the messages are acknowledged. When it rejects,
   * the batch is held and tried again. It must be safe to repeat: a batch may come again after a crash.
   */
  handle: (votes: T[], signal: AbortSignal) => Promise<void>;
  /** Where single votes that fit no schema are sent for a person to look at. */
  review: Publisher;
  log: Log;
  tracing?: VoteTracing | undefined;
  onBatch?: (votes: number, messages: number, seconds: number) => void;
  onRetry?: () => void;
  onRejected?: (count: number) => void;
}

/**
 * Takes a queue's messages in batches, one batch at a time, in order. What is taken is acknowledged only
 * after `handle` has made it durable (P1); while that fails, nothing more than `prefetch` is taken (P6).
 */
export class BatchConsumer<T extends TimedVote> {
  readonly #options: BatchConsumerOptions<T>;
  #broker!: Broker;
  #session: BatchSession<T> | undefined;
  #stopping = false;

  private constructor(options: BatchConsumerOptions<T>) {
    this.#options = options;
  }

  /** Starts connecting and resolves at once; {@link consuming} tells when it is at work. */
  static async open<T extends TimedVote>(options: BatchConsumerOptions<T>): Promise<BatchConsumer<T>> {
    const consumer = new BatchConsumer(options);
    consumer.#broker = Broker.open({
      url: options.url,
      name: options.name,
      log: options.log,
      onLost: () => {
        consumer.#session?.abandon();
        consumer.#session = undefined;
      },
      setup: async (model) => {
        if (consumer.#stopping) throw new Error('stopping');
        const channel = await model.createChannel();
        consumer.#session = await BatchSession.start(channel, options, () => consumer.#broker.reset());
      },
    });
    return consumer;
  }

  /** Connected and subscribed to its queue. */
  get consuming(): boolean {
    return this.#session !== undefined && this.#broker.connected;
  }

  /** What is held of the queue: taken and not acknowledged. */
  get held(): QueueState & { held: number } {
    const { held, oldest } = this.#session ?? { held: 0, oldest: undefined };
    const oldestSeconds = oldest === undefined ? 0 : Math.max(0, Date.now() - Date.parse(oldest)) / 1000;
    return { queue: this.#options.queue, held, oldestSeconds };
  }

  /** Messages in the queue that wait for a consumer, and its consumers. Rejects while not connected. */
  async queueDepth(): Promise<{ messages: number; consumers: number }> {
    if (!this.#session) throw new Error(`${this.#options.queue} is not consumed`);
    return this.#session.queueDepth();
  }

  /**
   * Takes no more, finishes the batch at hand, acknowledges it, and closes. The rest goes back to the queue,
   * and so does the batch at hand if `handle` fails now: it is not tried again.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#session?.finish();
    await this.#broker.close();
  }
}
