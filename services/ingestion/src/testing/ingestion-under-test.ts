import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { type PendingVote, pendingMessageSchema } from '@scrutin/shared/vote-message.ts';
import { type Pepper, pepperId } from '@scrutin/shared/voter-hash.ts';
import type { GetMessage } from 'amqplib';
import { Redis } from 'ioredis';

const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

export interface IngestionOptions {
  env?: Record<string, string>;
  /** Changes to the published election; null: none is published. */
  election?: Partial<PublishedElection> | null;
  /** Rewrites the addresses of the servers, to put something between. */
  through?: { rabbitmq?: (url: string) => string; redis?: (url: string) => string };
  vhost?: VirtualHost;
}

/** The stage as a process of its own, with its virtual host and its election; both are removed with it. */
export class IngestionUnderTest {
  readonly vhost: VirtualHost;
  readonly electionId: string;
  readonly #redis: Redis;
  #process: ChildProcess | undefined;
  /** It has ended, and all that it wrote has been read. */
  #closed: Promise<unknown> | undefined;
  base = '';
  /** Everything the process has written. */
  output = '';

  private constructor(vhost: VirtualHost) {
    this.vhost = vhost;
    this.electionId = `test-${randomBytes(5).toString('hex')}`;
    this.#redis = new Redis(REDIS_URL);
  }

  static async start(options: IngestionOptions = {}): Promise<IngestionUnderTest> {
    const stage = new IngestionUnderTest(options.vhost ?? (await VirtualHost.create()));
    const asItIs = (url: string) => url;
    const { rabbitmq = asItIs, redis = asItIs } = options.through ?? {};
    if (options.election !== null) await stage.publish(options.election);
    stage.#process = spawn(process.execPath, [new URL('../main.ts', import.meta.url).pathname], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        ELECTION_ID: stage.electionId,
        RABBITMQ_URL: rabbitmq(stage.vhost.url),
        REDIS_URL: redis(REDIS_URL),
        VOTER_PEPPER: 'ab'.repeat(32),
        RATE_LIMIT_PER_MINUTE: '0',
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'trace',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    stage.#closed = once(stage.#process, 'close');
    for (const stream of [stage.#process.stdout!, stage.#process.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        stage.output += text;
      });
    const listening = () => !stage.running || /"port":\d+\D/.test(stage.output);
    await until('ingestion listens', listening);
    if (!stage.running) {
      await stage.#closed;
      await stage.remove();
      throw new Error(`ingestion ended with code ${stage.#process.exitCode}\n${stage.output}`);
    }
    stage.base = `http://127.0.0.1:${/"port":(\d+)/.exec(stage.output)![1]}`;
    if (options.election !== null) await stage.ready();
    return stage;
  }

  /** Notes in Redis which pepper the electorate was loaded with. */
  async loadedWith(pepper: Pepper): Promise<void> {
    await this.#redis.hset(redisKeys.meta(this.electionId, 0), 'pepper', pepperId(pepper));
  }

  /** Resolves once votes are taken. */
  ready(): Promise<void> {
    return until('ingestion is ready', async () => (await fetch(`${this.base}/readyz`)).status === 200);
  }

  async publish(changes: Partial<PublishedElection> = {}): Promise<void> {
    const document: PublishedElection = {
      id: this.electionId,
      title: { fr: 'Essai', en: 'Trial' },
      laws: [
        { id: 'loi-1', title: { fr: 'Une', en: 'One' } },
        { id: 'loi-2', title: { fr: 'Deux', en: 'Two' } },
      ],
      opensAt: '2020-01-01T00:00:00.000Z',
      closesAt: '2099-01-01T00:00:00.000Z',
      results: 'afterClose',
      recordClients: false,
      luhn: false,
      suspended: false,
      eligible: 10,
      layout: { shards: 1, bucketBits: 0 },
      ...changes,
    };
    await this.#redis.set(redisKeys.election(this.electionId), JSON.stringify(document));
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  get running(): boolean {
    return this.#process!.exitCode === null && this.#process!.signalCode === null;
  }

  /** Sends SIGTERM and resolves with the exit code. */
  async terminate(): Promise<number | null> {
    if (this.running) {
      this.#process!.kill('SIGTERM');
      await this.#closed;
    }
    return this.#process!.exitCode;
  }

  async remove(): Promise<void> {
    if (this.running) {
      this.#process!.kill('SIGKILL');
      await this.#closed;
    }
    const keys = await this.#redis.keys(`scrutin:{${this.electionId}/*`);
    if (keys.length > 0) await this.#redis.del(keys);
    await this.#redis.quit();
    await this.vhost.remove();
  }

  post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.base}/api/v1/vote`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /**
   * Sends bytes over a connection of its own and resolves with all that comes back until the server closes
   * it, or is silent for `silenceMs` after it said something.
   */
  raw(bytes: string | Buffer, silenceMs = 1_000): Promise<string> {
    return new Promise((resolve) => {
      const { hostname, port } = new URL(this.base);
      const socket = connect({ host: hostname, port: Number(port) });
      let received = '';
      let timer = setTimeout(() => socket.destroy(), 45_000);
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        clearTimeout(timer);
        timer = setTimeout(() => socket.destroy(), silenceMs);
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        resolve(received);
      });
      socket.write(bytes);
    });
  }
}

/** The votes in messages taken off a queue; throws if one has not the form of a pending vote. */
export const votesOf = (messages: readonly GetMessage[]): PendingVote[] =>
  messages.flatMap(({ content }) => pendingMessageSchema.parse(JSON.parse(content.toString())).votes);
