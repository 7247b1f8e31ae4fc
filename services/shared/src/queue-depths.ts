import type { ChannelModel } from 'amqplib';
import { Broker } from './broker.ts';
import type { Log } from './log.ts';
import { QUEUES, type QueueName } from './topology.ts';

export interface QueueDepth {
  /** Messages that wait for a consumer; those handed out and not acknowledged are not among them. */
  messages: number;
  consumers: number;
}

/** Asks how full the queues are, on a connection of its own: a queue that is not there disturbs nobody. */
export class QueueDepths {
  #broker!: Broker;
  #model: ChannelModel | undefined;

  private constructor() {}

  /** Starts connecting and returns at once. */
  static open(options: { url: string; name: string; log: Log }): QueueDepths {
    const depths = new QueueDepths();
    depths.#broker = Broker.open({
      ...options,
      setup: async (model) => {
        depths.#model = model;
      },
      onLost: () => {
        depths.#model = undefined;
      },
    });
    return depths;
  }

  /** The depth of each queue. What the broker does not tell is left out; never rejects. */
  async read(queues: readonly QueueName[] = Object.values(QUEUES)): Promise<Map<QueueName, QueueDepth>> {
    const depths = new Map<QueueName, QueueDepth>();
    for (const queue of queues) {
      const depth = await this.#ask(queue).catch(() => undefined);
      if (depth) depths.set(queue, depth);
    }
    return depths;
  }

  async close(): Promise<void> {
    await this.#broker.close();
  }

  async #ask(queue: QueueName): Promise<QueueDepth | undefined> {
    if (!this.#model || !this.#broker.connected) return undefined;
    const channel = await this.#model.createChannel();
    // A queue that is not there closes the channel; the rejection below says so.
    channel.on('error', () => {});
    try {
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      return { messages: messageCount, consumers: consumerCount };
    } finally {
      await channel.close().catch(() => {});
    }
  }
}
