import { electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { EXCHANGE, type QueueName, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { MESSAGE_TYPE } from '@scrutin/shared/vote-message.ts';
import {
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type GetMessage,
} from 'amqplib';
import { persistently, type Scene } from './scene.ts';

export interface Message {
  routingKey: string;
  content: Buffer;
}

/** Sees every message of an election as it passes the exchange, and may send some again. */
export class QueueTap {
  /** What has passed so far. */
  readonly seen: Message[] = [];
  readonly #url: string;
  #model: ChannelModel | undefined;

  private constructor(url: string) {
    this.#url = url;
  }

  static async open({ election }: Scene): Promise<QueueTap> {
    const tap = new QueueTap(electionRabbitmqUrl(election.urls.RABBITMQ_URL, election.id));
    const channel = await tap.#channel();
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
    for (const key of [ROUTING_KEYS.validation, ROUTING_KEYS.aggregation])
      await channel.bindQueue(queue, EXCHANGE, key);
    const take = (message: ConsumeMessage | null) => {
      if (message) tap.seen.push({ routingKey: message.fields.routingKey, content: message.content });
    };
    await channel.consume(queue, take, { noAck: true });
    return tap;
  }

  /** Publishes them and resolves with the broker's confirms, also if another fault has the broker down. */
  async publish(messages: readonly Message[]): Promise<void> {
    await this.#persistently(async (channel) => {
      const options = { persistent: true, mandatory: true, type: MESSAGE_TYPE };
      for (const { routingKey, content } of messages) channel.publish(EXCHANGE, routingKey, content, options);
      await channel.waitForConfirms();
    });
  }

  /** Takes what waits in a queue and puts it back as `order` says; on the way each is there twice, never not at all. */
  async reorder(queue: QueueName, order: (messages: Message[]) => Message[]): Promise<void> {
    await this.#persistently(async (channel) => {
      const taken: GetMessage[] = [];
      for (let next = await channel.get(queue); next; next = await channel.get(queue)) taken.push(next);
      await this.publish(
        order(taken.map(({ fields, content }) => ({ routingKey: fields.routingKey, content }))),
      );
      for (const message of taken) channel.ack(message);
      await channel.close();
    });
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    await model?.close().catch(() => {});
  }

  async #persistently(work: (channel: ConfirmChannel) => Promise<void>): Promise<void> {
    await persistently(async () => {
      try {
        await work(await this.#channel());
      } catch (error) {
        await this.close();
        throw error;
      }
    }, 200);
  }

  async #channel(): Promise<ConfirmChannel> {
    if (!this.#model) {
      const model = await connect(this.#url);
      model.on('error', () => {});
      model.on('close', () => {
        if (this.#model === model) this.#model = undefined;
      });
      this.#model = model;
    }
    const channel = await this.#model.createConfirmChannel();
    channel.on('error', () => {});
    return channel;
  }
}
