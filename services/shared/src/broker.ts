import { type ChannelModel, connect } from 'amqplib';
import type { Log } from './log.ts';
import { backoff, pause, settledWithin } from './retry.ts';

export interface BrokerOptions {
  /** `amqp://user:password@host:port/vhost`. */
  url: string;
  /** Shown in the management UI as the connection's name. */
  name: string;
  log: Log;
  /**
   * Opens the channels and consumers, after every connect. If it rejects (a queue isn't there yet), the
   * connection is closed and made again after a pause.
   */
  setup: (model: ChannelModel) => Promise<void>;
  /**
   * Called when the connection is gone or given up, once or more, always before another try and never while
   * `setup` runs for a newer one. What was unacknowledged is the broker's again.
   */
  onLost?: () => void;
}

/** Seconds between heartbeats: a half-open connection is noticed after about twice that. */
const HEARTBEAT_S = 10;
const CONNECT_TIMEOUT_MS = 10_000;
/** A broker that doesn't answer a close for so long is cut off. */
const CLOSE_TIMEOUT_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 2_000;

/** One connection's life. */
interface Link {
  model: ChannelModel;
  /** Resolves once the connection is closed, whoever closed it. */
  gone: Promise<void>;
  reason: Error | undefined;
}

/**
 * A connection to RabbitMQ that comes back after a loss, for ever, with its channels set up again.
 *
 * amqplib has a recovery of its own, but that listens to the connection only after `setup` is done: a
 * connection that breaks during `setup` ends the process (an 'error' without a listener), and one that is
 * closed in the same packet as the last reply to `setup` is never noticed.
 */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #closing = new AbortController();
  /** Cuts the socket of the present try, in whatever state it is. */
  #cut = new AbortController();
  #link: Link | undefined;
  #usable = false;
  #blocked = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** Starts connecting and returns at once; {@link connected} tells when it is usable. */
  static open(options: BrokerOptions): Broker {
    const broker = new Broker(options);
    broker.#running = broker.#run();
    return broker;
  }

  /** Connected, set up, and the broker takes messages. */
  get connected(): boolean {
    return this.#usable && !this.#blocked;
  }

  /** True while the broker's memory or disk alarm holds back what is published. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Drops the connection so that it is made anew: the way out of any state of a channel that isn't sound. */
  reset(): void {
    if (!this.#link) return;
    if (this.#usable) {
      this.#usable = false;
      this.#options.onLost?.();
    }
    void this.#end(this.#link, this.#cut);
  }

  /** Ends the connection for good, within about a second, whatever state it is in. */
  async close(): Promise<void> {
    this.#usable = false;
    this.#closing.abort();
    if (this.#link) void this.#end(this.#link, this.#cut);
    else this.#cut.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, name, onLost } = this.#options;
    const { signal } = this.#closing;
    let told = false;
    for (let attempt = 1; !signal.aborted; attempt++) {
      this.#cut = new AbortController();
      let reason: unknown;
      try {
        const link = await this.#connect(this.#cut.signal);
        this.#link = link;
        await this.#options.setup(link.model);
        this.#usable = !signal.aborted;
        attempt = 0;
        if (told && this.#usable) log.info({ connection: name }, 'RabbitMQ is back');
        told = false;
        await link.gone;
        reason = link.reason;
      } catch (error) {
        reason = error;
      }
      this.#usable = false;
      this.#blocked = false;
      if (this.#link) await this.#end(this.#link, this.#cut);
      this.#link = undefined;
      onLost?.();
      if (signal.aborted) return;
      if (!told)
        log.warn({ err: reason, connection: name }, 'RabbitMQ is away or not set up yet; trying again');
      told = true;
      await pause(backoff(attempt + 1, FIRST_PAUSE_MS, MOST_PAUSE_MS), signal);
    }
  }

  async #connect(signal: AbortSignal): Promise<Link> {
    const url = new URL(this.#options.url);
    url.searchParams.set('heartbeat', String(HEARTBEAT_S));
    const socketOptions = {
      // Small frames (acknowledgements, confirms) must not wait for Nagle's algorithm.
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: this.#options.name },
      signal,
    };
    const model = await connect(url.href, socketOptions);
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const link: Link = { model, gone, reason: undefined };
    model.on('close', (error?: Error) => {
      link.reason ??= error;
      if (this.#link === link) this.#usable = false;
      resolve();
    });
    // 'close' follows; without a listener the process would end.
    model.on('error', (error) => {
      link.reason ??= error;
    });
    model.on('blocked', (reason) => {
      this.#blocked = true;
      this.#options.log.warn({ reason }, 'RabbitMQ takes no messages (memory or disk alarm)');
    });
    model.on('unblocked', () => {
      this.#blocked = false;
      this.#options.log.info('RabbitMQ takes messages again');
    });
    return link;
  }

  /** Closes a connection in order if the broker answers, else cuts it off. Safe in any state. */
  async #end({ model, gone }: Link, cut: AbortController): Promise<void> {
    // Closing what is closed or being closed rejects; it is gone either way, or soon.
    await settledWithin(Promise.race([gone, model.close().catch(() => gone)]), CLOSE_TIMEOUT_MS);
    cut.abort();
  }
}
