import { randomUUID } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib';
import { Broker } from './broker.ts';
import { ScrutinError } from './errors.ts';
import type { Log } from './log.ts';
import { EXCHANGE } from './topology.ts';
import { MESSAGE_TYPE } from './vote-message.ts';

export interface PublisherOptions {
  url: string;
  name: string;
  log: Log;
  /** A message without a confirm for so long is given up; its outcome is then unknown. Milliseconds. */
  confirmTimeoutMs: number;
}

export interface PublishOptions {
  messageId?: string;
  type?: string;
  headers?: Record<string, unknown>;
}

/** So long a channel that refuses everything is borne for the first time; then twice as long each time. Milliseconds. */
const FIRST_PATIENCE_MS = 500;
const MOST_PATIENCE_MS = 30_000;

/** Publishes durable messages to the exchange, each with the broker's confirm. */
export class Publisher {
  readonly #options: PublisherOptions;
  #broker!: Broker;
  #channel: ConfirmChannel | undefined;
  /** Ids of messages that came back because no queue is bound for them. */
  readonly #returned = new Set<string>();
  #inFlight = 0;
  /** Since when the channel has had refusals and not one confirm, `performance.now()`; undefined if the last was a confirm. */
  #refusedSince: number | undefined;
  /** So long refusals alone are borne. Milliseconds. */
  #patienceMs = FIRST_PATIENCE_MS;

  private constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Starts connecting and resolves at once; {@link ready} tells when it may be used. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const publisher = new Publisher(options);
    publisher.#broker = Broker.open({
      url: options.url,
      name: options.name,
      log: options.log,
      onLost: () => {
        publisher.#channel = undefined;
      },
      setup: async (model) => {
        const channel = await model.createConfirmChannel();
        channel.on('error', (error) =>
          options.log.warn({ err: error }, 'RabbitMQ closed a publishing channel'),
        );
        channel.on('close', () => {
          if (publisher.#channel !== channel) return;
          publisher.#channel = undefined;
          publisher.#broker.reset();
        });
        channel.on('return', (message) => publisher.#returned.add(String(message.properties.messageId)));
        await channel.checkExchange(EXCHANGE);
        publisher.#refusedSince = undefined;
        publisher.#channel = channel;
      },
    });
    return publisher;
  }

  /** Messages published and not confirmed yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Connected, with its exchange there, and no alarm at the broker. */
  get ready(): boolean {
    return this.#channel !== undefined && this.#broker.connected;
  }

  /**
   * Resolves once a quorum of the queue's nodes has the message on disk (P1). Rejects with
   * `broker-unavailable` if it was refused (queue full), came back (no queue bound), or got no confirm in
   * time; in the last case the message may still arrive, so whoever retries must send the same ballots.
   *
   * The caller bounds how many are in flight: amqplib buffers without a limit of its own (P6).
   */
  publish(routingKey: string, content: Buffer, options: PublishOptions = {}): Promise<void> {
    const channel = this.#channel;
    if (!channel || !this.#broker.connected)
      return Promise.reject(
        unavailable(this.#broker.blocked ? 'the broker is short of memory or disk' : 'not connected'),
      );
    const messageId = options.messageId ?? randomUUID();
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (failure?: ScrutinError) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        this.#inFlight--;
        if (failure) reject(failure);
        else resolve();
      };
      const timer = setTimeout(() => {
        settle(unavailable('no confirm in time'));
        // A channel that owes a confirm for so long is not to be trusted with the next message, unless it is
        // an alarm that holds everything back: a new connection would only forget that.
        if (this.#channel === channel && !this.#broker.blocked) this.#broker.reset();
      }, this.#options.confirmTimeoutMs);
      this.#inFlight++;
      try {
        channel.publish(
          EXCHANGE,
          routingKey,
          content,
          {
            persistent: true,
            // Without a bound queue the broker would confirm and drop the message; so it comes back first.
            mandatory: true,
            messageId,
            type: options.type ?? MESSAGE_TYPE,
            contentType: 'application/json',
            timestamp: Math.floor(Date.now() / 1000),
            ...(options.headers && { headers: options.headers }),
          },
          (error) => {
            const cameBack = this.#returned.delete(messageId);
            if (this.#channel === channel) this.#trust(error === null || error === undefined);
            if (error) settle(unavailable('refused, or the connection broke', error));
            else if (cameBack) settle(unavailable(`no queue is bound for ${routingKey}`));
            else settle();
          },
        );
      } catch (error) {
        settle(unavailable('the channel is closed', error));
      }
    });
  }

  /**
   * A full queue refuses, and so does, for ever, a channel that has lost the leader of a quorum queue (seen with RabbitMQ 3.10
   * after four of ten losses of a node, while other channels were served). After half a second of refusals alone the channel
   * is made anew: that mends the second and does no harm to the first, which is asked less and less often.
   */
  #trust(confirmed: boolean): void {
    if (confirmed) {
      this.#refusedSince = undefined;
      this.#patienceMs = FIRST_PATIENCE_MS;
      return;
    }
    this.#refusedSince ??= performance.now();
    if (performance.now() - this.#refusedSince < this.#patienceMs) return;
    this.#refusedSince = undefined;
    this.#patienceMs = Math.min(2 * this.#patienceMs, MOST_PATIENCE_MS);
    this.#options.log.warn('RabbitMQ has refused every message for some time; connecting anew');
    this.#broker.reset();
  }

  /** Closes the connection. What has no confirm yet rejects, so wait for that first. */
  async close(): Promise<void> {
    await this.#broker.close();
  }
}

const unavailable = (detail: string, cause?: unknown): ScrutinError =>
  new ScrutinError('broker-unavailable', detail, { retryAfter: 1, cause });
