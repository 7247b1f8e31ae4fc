import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, type ChannelModel, connect, type GetMessage } from 'amqplib';
import { BINDINGS, EXCHANGE, QUEUES, type QueueName } from '../topology.ts';
import { within } from './within.ts';

/** Where tests find their servers; the runner sets these. */
const MANAGEMENT = process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672';
const BROKER = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

/** Calls RabbitMQ's management API. Resolves with the decoded answer; rejects on a status of 400 or more but 404. */
export async function management(method: string, path: string, body?: unknown): Promise<unknown> {
  const { origin, username, password } = new URL(MANAGEMENT);
  const response = await fetch(`${origin}/api${path}`, {
    method,
    headers: {
      Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'Content-Type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 400 && response.status !== 404)
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** A virtual host that belongs to one test alone, with the project's topology unless told otherwise. */
export class VirtualHost {
  readonly name: string;
  readonly url: string;
  #model: ChannelModel | undefined;
  #channel: Channel | undefined;

  private constructor(name: string) {
    this.name = name;
    const url = new URL(BROKER);
    url.pathname = `/${name}`;
    this.url = url.href;
  }

  static async create(options: { topology?: boolean } = {}): Promise<VirtualHost> {
    const vhost = new VirtualHost(`test-${randomBytes(6).toString('hex')}`);
    const user = decodeURIComponent(new URL(BROKER).username || 'guest');
    await management('PUT', `/vhosts/${vhost.name}`);
    const all = { configure: '.*', write: '.*', read: '.*' };
    await management('PUT', `/permissions/${vhost.name}/${user}`, all);
    vhost.#model = await connect(vhost.url, { noDelay: true });
    vhost.#model.on('error', () => {});
    vhost.#channel = await vhost.#model.createChannel();
    if (options.topology !== false) await vhost.declare();
    return vhost;
  }

  get channel(): Channel {
    return this.#channel!;
  }

  /** The exchange and all queues with their bindings; what is not to be read goes to review. */
  async declare(queues: readonly QueueName[] = Object.values(QUEUES)): Promise<void> {
    await this.channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    for (const { queue, routingKey } of BINDINGS.filter((binding) => queues.includes(binding.queue))) {
      await this.channel.assertQueue(queue, {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          ...(queue !== QUEUES.review && {
            'x-dead-letter-exchange': EXCHANGE,
            'x-dead-letter-routing-key': 'vote.review',
          }),
        },
      });
      await this.channel.bindQueue(queue, EXCHANGE, routingKey);
    }
  }

  /**
   * Messages ready in a queue. Of a quorum queue that does not answer it within 250 ms the broker says 0 (`stat` in
   * rabbit_quorum_queue.erl), so a 0 that took as long is asked for again.
   */
  async ready(queue: QueueName): Promise<number> {
    for (let tries = 1; tries <= 100; tries++) {
      const asked = performance.now();
      const { messageCount } = await this.channel.checkQueue(queue);
      if (messageCount > 0 || performance.now() - asked < 200) return messageCount;
    }
    throw new Error(`the broker has not counted ${queue} in time`);
  }

  /** Takes every message that is ready. */
  async drain(queue: QueueName): Promise<GetMessage[]> {
    const messages: GetMessage[] = [];
    for (;;) {
      const message = await this.channel.get(queue, { noAck: true });
      if (!message) return messages;
      messages.push(message);
    }
  }

  /** Has the broker close every connection whose client name starts with `prefix`. Resolves with their number. */
  async closeConnections(prefix: string): Promise<number> {
    const open = (await management('GET', `/vhosts/${this.name}/connections`)) as {
      name: string;
      client_properties: { connection_name?: string };
    }[];
    const ours = open.filter(({ client_properties }) =>
      client_properties.connection_name?.startsWith(prefix),
    );
    for (const { name } of ours) await management('DELETE', `/connections/${encodeURIComponent(name)}`);
    return ours.length;
  }

  async remove(): Promise<void> {
    await this.#model?.close().catch(() => {});
    await management('DELETE', `/vhosts/${this.name}`);
  }
}

export interface UntilOptions {
  /** An error of the condition is a "not yet", as of a server that is down; without it the wait ends with the error. */
  bearErrors?: boolean;
  /** Pause between two looks. Milliseconds; by default 10. */
  everyMs?: number;
}

/**
 * Resolves once `condition` holds; rejects, naming `what`, if it doesn't within `timeoutMs`, also if what keeps it
 * is an answer that doesn't come.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
  { bearErrors = false, everyMs = 10 }: UntilOptions = {},
): Promise<void> {
  let cause: unknown;
  let over = false;
  const look = async (): Promise<boolean> => {
    try {
      return await condition();
    } catch (error) {
      if (!bearErrors) throw error;
      cause = error;
      return false;
    }
  };
  const looks = async () => {
    while (!(await look()) && !over) await sleep(everyMs);
  };
  try {
    await within(what, looks(), timeoutMs);
  } catch (error) {
    throw cause === undefined ? error : new Error((error as Error).message, { cause });
  } finally {
    over = true;
  }
}
