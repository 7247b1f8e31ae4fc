import { QUEUES } from '@scrutin/shared/topology.ts';
import { type Channel, connect } from 'amqplib';
import type { EndState } from './check.ts';

const POISON_ID = /poison-\d+/;
/** Characters of a message that are kept: the id of a poison stands at its beginning. */
const KEPT = 5_000;

/**
 * All that review has held so far. It is taken out as it is read: who looks and puts it back delivers it once more, and a
 * broker drops a message that was delivered too often (RabbitMQ 4: 20 times), so that after some checks the poison of an
 * early round would be missing.
 */
export class Review {
  readonly #url: string;
  readonly #messages: string[] = [];

  /** `url` is RabbitMQ's with the election's virtual host. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Tells apart votes that should not be there, and poison that should and isn't, given some time to get there. */
  async read(
    poison: ReadonlySet<string>,
    limitMs = 20_000,
  ): Promise<Pick<EndState, 'review' | 'lostPoison'>> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      await this.#takeOut();
      const found = new Set(this.#messages.flatMap((message) => POISON_ID.exec(message)?.[0] ?? []));
      const lostPoison = [...poison].filter((id) => !found.has(id));
      const review = this.#messages.filter((message) => !poison.has(POISON_ID.exec(message)?.[0] ?? ''));
      if (lostPoison.length === 0 || Date.now() > deadline) return { review, lostPoison };
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #takeOut(): Promise<void> {
    const model = await connect(this.#url);
    model.on('error', () => {});
    try {
      const channel = await model.createChannel();
      channel.on('error', () => {});
      await this.#takeFrom(channel);
      // In order: the broker has then read the last acknowledgement.
      await channel.close();
    } finally {
      await model.close().catch(() => {});
    }
  }

  async #takeFrom(channel: Channel): Promise<void> {
    for (let next = await channel.get(QUEUES.review); next; next = await channel.get(QUEUES.review)) {
      // Noted before it is gone: one that comes again is noted twice, which says the same.
      this.#messages.push(next.content.toString('utf8', 0, KEPT));
      channel.ack(next);
    }
  }
}
