import type { Channel, ConsumeMessage } from 'amqplib';
import type { z } from 'zod';
import { Broker } from './broker.ts';
import type { Log } from './log.ts';
import type { Publisher } from './publisher.ts';
import { pause, retry } from './retry.ts';
import { type QueueName, ROUTING_KEYS } from './topology.ts';
import { type DecodedVotes, decodeVotes } from './vote-message.ts';

export interface BatchConsumerOptions<T> {
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
  onBatch?: (votes: number, messages: number, seconds: number) => void;
  onRetry?: () => void;
  onRejected?: (count: number) => void;
}

interface Taken<T> extends DecodedVotes<T> {
  message: ConsumeMessage;
}

/**
 * Takes a queue's messages in batches, one batch at a time, in order. What is taken is acknowledged only
 * after `handle` has made it durable (P1); while that fails, nothing more than `prefetch` is taken (P6).
 */
export class BatchConsumer<T> {
  readonly #options: BatchConsumerOptions<T>;
  #broker!: Broker;
  #session: Session<T> | undefined;
  #stopping = false;

  private constructor(options: BatchConsumerOptions<T>) {
    this.#options = options;
  }

  static async open<T>(options: BatchConsumerOptions<T>): Promise<BatchConsumer<T>> {
    const consumer = new BatchConsumer(options);
    consumer.#broker = await Broker.open({
      url: options.url,
      name: options.name,
      log: options.log,
      onLost: () => {
        consumer.#session?.abandon();
        consumer.#session = undefined;
      },
      setup: async (model) => {
        if (consumer.#stopping) throw new Error('stopping');
        consumer.#session?.abandon();
        const channel = await model.createChannel();
        consumer.#session = await Session.start(channel, options, () => consumer.#broker.reset());
      },
    });
    return consumer;
  }

  /** Connected and subscribed to its queue. */
  get consuming(): boolean {
    return this.#session !== undefined && this.#broker.connected;
  }

  /** Messages in the queue that wait for a consumer, and its consumers. Rejects while not connected. */
  async queueDepth(): Promise<{ messages: number; consumers: number }> {
    if (!this.#session) throw new Error(`${this.#options.queue} is not consumed`);
    return this.#session.queueDepth();
  }

  /** Takes no more, finishes the batch at hand, acknowledges it, and closes. The rest goes back to the queue. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#session?.finish();
    await this.#broker.close();
  }
}

/** One channel's life: its deliveries are void once the channel is gone. */
class Session<T> {
  readonly #channel: Channel;
  readonly #options: BatchConsumerOptions<T>;
  readonly #gone = new AbortController();
  readonly #taken: Taken<T>[] = [];
  #takenVotes = 0;
  #wake: (() => void) | undefined;
  #finishing = false;
  #loop: Promise<void> = Promise.resolve();
  #consumerTag = '';

  private constructor(channel: Channel, options: BatchConsumerOptions<T>) {
    this.#channel = channel;
    this.#options = options;
  }

  static async start<T>(
    channel: Channel,
    options: BatchConsumerOptions<T>,
    reset: () => void,
  ): Promise<Session<T>> {
    const session = new Session(channel, options);
    channel.on('error', (error) => options.log.warn({ err: error }, 'RabbitMQ closed a consuming channel'));
    channel.on('close', () => {
      if (session.#gone.signal.aborted) return;
      session.abandon();
      reset();
    });
    await channel.checkQueue(options.queue);
    await channel.prefetch(options.prefetch);
    const { consumerTag } = await channel.consume(options.queue, (message) => {
      if (message) session.#take(message);
      // The queue was deleted or moved: start over, which waits until it is there again.
      else reset();
    });
    session.#consumerTag = consumerTag;
    session.#loop = session.#run();
    return session;
  }

  async queueDepth(): Promise<{ messages: number; consumers: number }> {
    const { messageCount, consumerCount } = await this.#channel.checkQueue(this.#options.queue);
    return { messages: messageCount, consumers: consumerCount };
  }

  abandon(): void {
    this.#gone.abort();
    this.#wake?.();
  }

  async finish(): Promise<void> {
    this.#finishing = true;
    this.#wake?.();
    if (!this.#gone.signal.aborted) await this.#channel.cancel(this.#consumerTag).catch(() => {});
    await this.#loop;
    // Closing the channel after the last acknowledgement makes sure that the broker has read it.
    const closed = this.#gone.signal.aborted;
    this.#gone.abort();
    if (!closed) await this.#channel.close().catch(() => {});
  }

  #take(message: ConsumeMessage): void {
    try {
      const decoded = decodeVotes(message.content, this.#options.voteSchema);
      this.#taken.push({ ...decoded, message });
      this.#takenVotes += decoded.votes.length;
      this.#wake?.();
    } catch (error) {
      this.#options.log.error(
        { err: error, queue: this.#options.queue },
        'a message can’t be read; sent to review',
      );
      this.#options.onRejected?.(1);
      // Dead-lettered by the queue's policy, with its reason in the broker's x-death header.
      this.#channel.nack(message, false, false);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#gone;
    while (!signal.aborted && !this.#finishing) {
      if (this.#taken.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (this.#takenVotes < this.#options.maxVotes && this.#options.lingerMs > 0)
        await pause(this.#options.lingerMs, signal);
      if (!signal.aborted) await this.#process(this.#nextBatch());
    }
  }

  #nextBatch(): Taken<T>[] {
    let votes = 0;
    let messages = 0;
    while (messages < this.#taken.length && votes < this.#options.maxVotes)
      votes += this.#taken[messages++]!.votes.length;
    this.#takenVotes -= votes;
    return this.#taken.splice(0, messages);
  }

  async #process(batch: Taken<T>[]): Promise<void> {
    const { log, handle, onBatch, onRetry } = this.#options;
    const { signal } = this.#gone;
    const votes = batch.flatMap((taken) => taken.votes);
    const start = performance.now();
    try {
      await retry(
        async () => {
          await this.#sendToReview(batch);
          if (votes.length > 0) await handle(votes, signal);
        },
        {
          signal,
          mostPauseMs: 2_000,
          onRetry: (error, attempt) => {
            onRetry?.();
            // The first failure is told, then one in ten: a long outage must not fill the disk.
            if (attempt === 1 || attempt % 10 === 0)
              log.warn({ err: error, attempt, votes: votes.length }, 'a batch is held and tried again');
          },
        },
      );
    } catch {
      // Only when the channel is gone: the broker gives the batch to somebody else, or to us again.
      return;
    }
    if (signal.aborted) return;
    // Batches are taken in order, one at a time, so all before this message are settled.
    this.#channel.ack(batch.at(-1)!.message, true);
    onBatch?.(votes.length, batch.length, (performance.now() - start) / 1000);
  }

  async #sendToReview(batch: Taken<T>[]): Promise<void> {
    for (const taken of batch) {
      while (taken.rejected.length > 0) {
        const { vote, reason } = taken.rejected[0]!;
        const content = Buffer.from(JSON.stringify({ version: 1, votes: [vote] }));
        await this.#options.review.publish(ROUTING_KEYS.review, content, {
          headers: { 'x-review-reason': reason.slice(0, 200), 'x-review-queue': this.#options.queue },
        });
        // Removed only now: a retry sends the rest, and none twice.
        taken.rejected.shift();
        this.#options.onRejected?.(1);
        this.#options.log.error(
          { reason, queue: this.#options.queue },
          'a vote can’t be read; sent to review',
        );
      }
    }
  }
}
