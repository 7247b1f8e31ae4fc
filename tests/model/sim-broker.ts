import { EventEmitter } from 'node:events';
import { BINDINGS, QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import type { Incarnation, Link, World } from './world.ts';

interface Message {
  content: Buffer;
  /** Where the message was before it was set aside. */
  from: QueueName | undefined;
  /** Deliveries that came back. */
  returned: number;
}

interface Consumer {
  link: Link;
  queue: QueueName;
  prefetch: number;
  unacknowledged: Map<number, Message>;
  deliver: (tag: number, message: Message) => void;
}

type Confirm = (error: Error | null) => void;

/**
 * RabbitMQ as far as the pipeline relies on it: quorum queues that keep what they have confirmed, hand it out
 * up to the prefetch, take it back when a connection ends, and set it aside past the delivery limit.
 */
export class SimBroker {
  readonly #world: World;
  readonly #deliveryLimit: number;
  readonly #ready: Record<QueueName, Message[]> = {
    [QUEUES.validation]: [],
    [QUEUES.aggregation]: [],
    [QUEUES.review]: [],
  };
  readonly #consumers = new Set<Consumer>();
  readonly #links = new Set<Link>();

  constructor(world: World, deliveryLimit: number) {
    this.#world = world;
    this.#deliveryLimit = deliveryLimit;
  }

  /** In place of amqplib's `connect`. */
  connect(client: Incarnation, signal: AbortSignal): SimConnection {
    const link = this.#world.link(client);
    this.#links.add(link);
    link.onServerClosed = () => this.#closed(link);
    return new SimConnection(this, link, signal);
  }

  /** SIGKILL and start again: connections are gone, what was confirmed is there. */
  restart(told: () => number): void {
    for (const link of this.#links) link.serverGone(told());
  }

  /** Messages that are in a queue or with a consumer. */
  depth(queue: QueueName): number {
    let depth = this.#ready[queue].length;
    for (const consumer of this.#consumers)
      if (consumer.queue === queue) depth += consumer.unacknowledged.size;
    return depth;
  }

  contents(queue: QueueName): Buffer[] {
    return this.#ready[queue].map(({ content }) => content);
  }

  /** What a person does with messages that were set aside and are sound. Resolves with how many. */
  replayReview(): number {
    const review = this.#ready[QUEUES.review];
    const sound = review.filter(({ from }) => from !== undefined);
    this.#ready[QUEUES.review] = review.filter(({ from }) => from === undefined);
    for (const { content, from } of sound) this.#ready[from!].push({ content, from: undefined, returned: 0 });
    this.#pump();
    return sound.length;
  }

  publish(routingKey: string, content: Buffer): void {
    const { queue } = BINDINGS.find((binding) => binding.routingKey === routingKey)!;
    this.#ready[queue].push({ content, from: undefined, returned: 0 });
    this.#pump();
  }

  consume(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.#pump();
  }

  acknowledge(link: Link, upTo: number): void {
    for (const { unacknowledged } of this.#of(link))
      for (const tag of unacknowledged.keys()) if (tag <= upTo) unacknowledged.delete(tag);
    this.#pump();
  }

  reject(link: Link, tag: number): void {
    for (const { unacknowledged, queue } of this.#of(link)) {
      const message = unacknowledged.get(tag);
      unacknowledged.delete(tag);
      if (message) this.#setAside(message, queue);
    }
    this.#pump();
  }

  /** Ends a subscription and takes back what it holds. */
  release(link: Link): void {
    for (const consumer of this.#of(link)) {
      this.#consumers.delete(consumer);
      const back = [...consumer.unacknowledged.values()];
      for (const message of back) message.returned++;
      const kept = back.filter(({ returned }) => returned <= this.#deliveryLimit);
      for (const message of back) if (!kept.includes(message)) this.#setAside(message, consumer.queue);
      this.#ready[consumer.queue].unshift(...kept);
    }
    this.#pump();
  }

  #of(link: Link): Consumer[] {
    return [...this.#consumers].filter((consumer) => consumer.link === link);
  }

  #closed(link: Link): void {
    this.#links.delete(link);
    this.release(link);
  }

  #setAside(message: Message, from: QueueName): void {
    this.#ready[QUEUES.review].push({ ...message, from });
  }

  #pump(): void {
    for (let moved = true; moved; ) {
      moved = false;
      // In turn, so that two workers share a queue.
      for (const consumer of this.#consumers) {
        const message = this.#ready[consumer.queue][0];
        if (!message || consumer.unacknowledged.size >= consumer.prefetch) continue;
        this.#ready[consumer.queue].shift();
        this.#hand(consumer, message);
        moved = true;
      }
    }
  }

  #hand(consumer: Consumer, message: Message): void {
    const tag = ++this.#tags;
    consumer.unacknowledged.set(tag, message);
    consumer.link.reply(() => consumer.deliver(tag, message));
  }

  #tags = 0;
}

/** What amqplib's `connect` resolves with, as far as the stages use it. */
export class SimConnection extends EventEmitter {
  readonly #broker: SimBroker;
  readonly #link: Link;
  readonly #channels: SimChannel[] = [];

  constructor(broker: SimBroker, link: Link, signal: AbortSignal) {
    super();
    this.#broker = broker;
    this.#link = link;
    link.onClientClosed = () => this.#closed(new Error('the connection broke'));
    signal.addEventListener('abort', () => {
      if (!link.clientOpen) return;
      link.clientGone();
      this.#closed(undefined);
    });
  }

  async createChannel(): Promise<SimChannel> {
    const channel = new SimChannel(this.#broker, this.#link);
    this.#channels.push(channel);
    return channel;
  }

  createConfirmChannel(): Promise<SimChannel> {
    return this.createChannel();
  }

  async close(): Promise<void> {
    if (!this.#link.clientOpen) throw new Error('the connection is closed');
    // What was sent before the close is read before it.
    this.#link.clientGone(Number.POSITIVE_INFINITY);
    this.#closed(undefined);
  }

  #closed(error: Error | undefined): void {
    for (const channel of this.#channels) channel.closed();
    if (error) this.emit('error', error);
    this.emit('close', error);
  }
}

/** A channel of amqplib. */
export class SimChannel extends EventEmitter {
  readonly #broker: SimBroker;
  readonly #link: Link;
  readonly #unanswered = new Set<(error: Error) => void>();
  readonly #unconfirmed = new Set<Confirm>();
  #prefetch = 1;

  constructor(broker: SimBroker, link: Link) {
    super();
    this.#broker = broker;
    this.#link = link;
  }

  checkQueue = () => this.#call(() => ({ messageCount: 0, consumerCount: 0 }));
  checkExchange = () => this.#call(() => ({}));

  async prefetch(count: number): Promise<void> {
    this.#prefetch = count;
  }

  consume(queue: QueueName, onMessage: (message: object) => void): Promise<{ consumerTag: string }> {
    return this.#call(() => {
      this.#broker.consume({
        link: this.#link,
        queue,
        prefetch: this.#prefetch,
        unacknowledged: new Map(),
        deliver: (deliveryTag, { content }) =>
          onMessage({ content, fields: { deliveryTag }, properties: {} }),
      });
      return { consumerTag: 'consumer' };
    });
  }

  cancel = () => this.#call(() => ({}));

  close(): Promise<unknown> {
    return this.#call(() => this.#broker.release(this.#link));
  }

  ack({ fields }: { fields: { deliveryTag: number } }): void {
    this.#requireOpen();
    this.#link.send(() => this.#broker.acknowledge(this.#link, fields.deliveryTag));
  }

  nack({ fields }: { fields: { deliveryTag: number } }): void {
    this.#requireOpen();
    this.#link.send(() => this.#broker.reject(this.#link, fields.deliveryTag));
  }

  publish(
    _exchange: string,
    routingKey: string,
    content: Buffer,
    _options: object,
    confirm: Confirm,
  ): boolean {
    this.#requireOpen();
    this.#unconfirmed.add(confirm);
    this.#link.send(() => {
      this.#broker.publish(routingKey, content);
      this.#link.reply(() => {
        if (this.#unconfirmed.delete(confirm)) confirm(null);
      });
    });
    return true;
  }

  /** The connection is gone, as the client sees it. */
  closed(): void {
    const error = new Error('the channel is closed');
    for (const reject of this.#unanswered) reject(error);
    for (const confirm of this.#unconfirmed) confirm(error);
    this.#unconfirmed.clear();
    this.emit('close');
  }

  #requireOpen(): void {
    if (!this.#link.clientOpen) throw new Error('the channel is closed');
  }

  #call<T>(effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#link.clientOpen) return reject(new Error('the channel is closed'));
      this.#unanswered.add(reject);
      this.#link.send(() => {
        const answer = effect();
        // A process that is gone hears nothing any more.
        if (!this.#link.clientOpen) return;
        this.#unanswered.delete(reject);
        resolve(answer);
      });
    });
  }
}
