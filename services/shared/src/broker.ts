import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';
import type { Log } from './log.ts';

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
  /** Called when the connection is gone, before another try. What was unacknowledged is the broker's again. */
  onLost?: () => void;
}

/** Seconds between heartbeats: a half-open connection is noticed after about twice that. */
const HEARTBEAT_S = 10;
const CONNECT_TIMEOUT_MS = 10_000;

/** A connection to RabbitMQ that comes back after a loss, for ever, with its channels set up again. */
export class Broker {
  #recovering: RecoveringChannelModel | undefined;
  #model: ChannelModel | undefined;
  #blocked = false;
  #closed = false;

  /** Starts connecting and returns at once; {@link connected} tells when it is usable. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker();
    const { log, setup, onLost } = options;
    const url = new URL(options.url);
    url.searchParams.set('heartbeat', String(HEARTBEAT_S));
    const recovering = await connect(url.href, {
      // Small frames (acknowledgements, confirms) must not wait for Nagle's algorithm.
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: options.name },
      recovery: {
        initialDelay: 100,
        maxDelay: 2_000,
        waitForConnect: false,
        setup: async (model: ChannelModel) => {
          broker.#model = model;
          await setup(model);
        },
      },
    });
    broker.#recovering = recovering;
    let told = false;
    const lost = () => {
      broker.#blocked = false;
      broker.#model = undefined;
      onLost?.();
    };
    recovering.on('connect', () => {
      if (told) log.info({ connection: options.name }, 'RabbitMQ is back');
      told = false;
    });
    const warn = (error: Error) => {
      if (told || broker.#closed) return;
      told = true;
      log.warn({ err: error, connection: options.name }, 'RabbitMQ is away or not set up yet; trying again');
    };
    recovering.on('disconnect', (error) => {
      lost();
      warn(error);
    });
    recovering.on('connect-failed', (error) => {
      lost();
      warn(error);
    });
    recovering.on('blocked', (reason) => {
      broker.#blocked = true;
      log.warn({ reason }, 'RabbitMQ takes no messages (memory or disk alarm)');
    });
    recovering.on('unblocked', () => {
      broker.#blocked = false;
      log.info('RabbitMQ takes messages again');
    });
    // 'disconnect' follows; without a listener the process would end.
    recovering.on('error', () => {});
    return broker;
  }

  /** Connected, set up, and the broker takes messages. */
  get connected(): boolean {
    return this.#model !== undefined && !this.#blocked && !this.#closed;
  }

  /** True while the broker's memory or disk alarm holds back what is published. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Drops the connection so that it is made anew: the way out of any state of a channel that isn't sound. */
  reset(): void {
    const model = this.#model;
    this.#model = undefined;
    // Closing twice, or while it is being closed, throws; it is gone either way.
    void model?.close().catch(() => {});
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#recovering?.close();
  }
}
