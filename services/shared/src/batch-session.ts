import type { Channel, ConsumeMessage } from 'amqplib';
import type { BatchConsumerOptions, TimedVote } from './batch-consumer.ts';
import { ScrutinError } from './errors.ts';
import { retry, settledWithin } from './retry.ts';
import { sendToReview } from './review.ts';
import { ballotIdIn, type DecodedVotes, decodeVotes } from './vote-message.ts';

/** A broker that doesn't answer a close for so long is left alone. */
const CLOSE_TIMEOUT_MS = 1_000;

interface Taken<T> extends DecodedVotes<T> {
  message: ConsumeMessage;
}

/**
 * One channel's life as a consumer: its deliveries are void once the channel is gone, so each connection
 * gets a session of its own.
 */
export class BatchSession<T extends TimedVote> {
  readonly #channel: Channel;
  readonly #options: BatchConsumerOptions<T>;
  /** Aborted when the channel is gone. */
  readonly #gone = new AbortController();
  /** Aborted when no further batch is to be begun, nor a failing one tried again. */
  readonly #over = new AbortController();
  readonly #taken: Taken<T>[] = [];
  /** The batch at hand. */
  #batch: readonly Taken<T>[] = [];
  #takenVotes = 0;
  #lingering = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();
  #consumerTag = '';

  private constructor(channel: Channel, options: BatchConsumerOptions<T>) {
    this.#channel = channel;
    this.#options = options;
  }

  static async start<T extends TimedVote>(
    channel: Channel,
    options: BatchConsumerOptions<T>,
    reset: () => void,
  ): Promise<BatchSession<T>> {
    const session = new BatchSession(channel, options);
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

  /** Messages taken and not acknowledged. */
  get held(): number {
    return this.#batch.length + this.#taken.length;
  }

  /** Timestamp of the oldest vote that is held, by the first of each message: votes travel in the order they came. */
  get oldest(): string | undefined {
    let oldest: string | undefined;
    for (const { votes } of [...this.#batch, ...this.#taken]) {
      const timestamp = votes[0]?.timestamp;
      if (timestamp !== undefined && (oldest === undefined || timestamp < oldest)) oldest = timestamp;
    }
    return oldest;
  }

  async queueDepth(): Promise<{ messages: number; consumers: number }> {
    const { messageCount, consumerCount } = await this.#channel.checkQueue(this.#options.queue);
    return { messages: messageCount, consumers: consumerCount };
  }

  abandon(): void {
    this.#gone.abort();
    this.#over.abort();
    this.#wake?.();
  }

  async finish(): Promise<void> {
    this.#over.abort();
    this.#wake?.();
    // Not waited for: a broker that doesn't answer must not keep the batch at hand from being finished.
    if (!this.#gone.signal.aborted) void this.#channel.cancel(this.#consumerTag).catch(() => {});
    await this.#loop;
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    // Closing the channel after the last acknowledgement makes sure that the broker has read it.
    await settledWithin(this.#channel.close(), CLOSE_TIMEOUT_MS);
  }

  #take(message: ConsumeMessage): void {
    const { voteSchema, log, queue, onRejected } = this.#options;
    let decoded: DecodedVotes<T>;
    try {
      decoded = decodeVotes(message.content, voteSchema);
    } catch (error) {
      log.error({ err: error, queue }, 'a message can’t be read; sent to review');
      onRejected?.(1);
      // Dead-lettered by the queue's policy, with its reason in the broker's x-death header.
      this.#channel.nack(message, false, false);
      return;
    }
    // Positions are those of the whole message, so one with a vote missing is not traced on.
    if (decoded.rejected.length === 0) this.#trace(message, decoded.votes);
    this.#taken.push({ ...decoded, message });
    this.#takenVotes += decoded.votes.length;
    if (!this.#lingering || this.#full) this.#wake?.();
  }

  #trace({ properties, fields }: ConsumeMessage, votes: readonly T[]): void {
    const { queue, tracing } = this.#options;
    tracing?.receive(votes, { queue, headers: properties.headers, redelivered: fields.redelivered });
  }

  /** Nothing more fits into the batch, or the broker hands out no more before it is acknowledged. */
  get #full(): boolean {
    return this.#takenVotes >= this.#options.maxVotes || this.#taken.length >= this.#options.prefetch;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (this.#taken.length === 0) {
        await this.#woken();
        continue;
      }
      if (!this.#full && this.#options.lingerMs > 0) await this.#linger();
      if (signal.aborted) return;
      this.#batch = this.#nextBatch();
      await this.#process(this.#batch);
      this.#batch = [];
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #linger(): Promise<void> {
    this.#lingering = true;
    const timer = setTimeout(() => this.#wake?.(), this.#options.lingerMs);
    await this.#woken();
    clearTimeout(timer);
    this.#lingering = false;
  }

  #nextBatch(): Taken<T>[] {
    let votes = 0;
    let messages = 0;
    while (messages < this.#taken.length && votes < this.#options.maxVotes)
      votes += this.#taken[messages++]!.votes.length;
    this.#takenVotes -= votes;
    return this.#taken.splice(0, messages);
  }

  async #process(batch: readonly Taken<T>[]): Promise<void> {
    const { log, handle, onBatch, onRetry, tracing } = this.#options;
    const votes = batch.flatMap((taken) => taken.votes);
    let retries = 0;
    const start = performance.now();
    try {
      await retry(
        async () => {
          await this.#sendToReview(batch);
          if (votes.length > 0) await handle(votes, this.#gone.signal);
        },
        {
          signal: this.#over.signal,
          mostPauseMs: 2_000,
          onRetry: (error, attempt) => {
            onRetry?.();
            retries++;
            // The first failure is told, then one in ten: a long outage must not fill the disk.
            if (attempt === 1 || attempt % 10 === 0)
              log.warn({ err: error, attempt, votes: votes.length }, 'a batch is held and tried again');
          },
        },
      );
      if (this.#gone.signal.aborted) throw new ScrutinError('broker-unavailable', 'the channel is gone');
      // Batches are taken in order, one at a time, so all before this message are settled.
      this.#channel.ack(batch.at(-1)!.message, true);
    } catch (error) {
      // Over, or the channel is going: the broker gives the batch to somebody else, or to us again.
      log.debug({ err: error, votes: votes.length }, 'a batch goes back to the queue');
      tracing?.settle(votes, retries, error);
      return;
    }
    tracing?.settle(votes, retries);
    onBatch?.(votes.length, batch.length, (performance.now() - start) / 1000);
  }

  async #sendToReview(batch: readonly Taken<T>[]): Promise<void> {
    for (const taken of batch) {
      while (taken.rejected.length > 0) {
        const { vote, reason } = taken.rejected[0]!;
        await sendToReview(this.#options.review, { queue: this.#options.queue, vote, reason });
        // Removed only now: a retry sends the rest, and none twice.
        taken.rejected.shift();
        this.#options.onRejected?.(1);
        this.#options.log.error(
          { ballot_id: ballotIdIn(vote), reason, queue: this.#options.queue },
          'a vote can’t be read; sent to review',
        );
      }
    }
  }
}
