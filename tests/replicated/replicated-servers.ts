import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries, findProgram } from '../../scripts/servers/binaries.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { PostgresPair } from './postgres-pair.ts';
import { RabbitmqCluster } from './rabbitmq-cluster.ts';
import { RedisCluster } from './redis-cluster.ts';

/** Far from the ports that anything else of the project asks for. */
const FIRST_PORT = 36_000;

/** Three RabbitMQ nodes, six Redis nodes and two of PostgreSQL, as processes of this machine. */
export class ReplicatedServers {
  readonly #folder: string;
  readonly rabbitmq: RabbitmqCluster;
  readonly redis: RedisCluster;
  readonly postgres: PostgresPair;

  private constructor(
    folder: string,
    rabbitmq: RabbitmqCluster,
    redis: RedisCluster,
    postgres: PostgresPair,
  ) {
    this.#folder = folder;
    this.rabbitmq = rabbitmq;
    this.redis = redis;
    this.postgres = postgres;
  }

  /** Rejects, with the names of what is missing, where a server's programs are not installed. */
  static async start(): Promise<ReplicatedServers> {
    const { redis, rabbitmq, postgres } = findBinaries();
    const client = findProgram('redis-cli');
    if (!redis || !rabbitmq || !postgres || !client)
      throw new Error('redis-server, redis-cli, rabbitmq-server and postgresql must be installed');
    const folder = mkdtempSync(join(tmpdir(), 'scrutin-replicated-'));
    // PostgreSQL runs as another user where we are root.
    chmodSync(folder, 0o755);
    const taken = new Set<number>();
    let asked: Promise<number> = Promise.resolve(FIRST_PORT);
    const nextPort = () => {
      // One after the other: two that look at the same time would find the same port.
      asked = asked.then(async () => {
        const port = await freePort(FIRST_PORT, taken);
        taken.add(port);
        return port;
      });
      return asked;
    };
    const started = await Promise.allSettled([
      RabbitmqCluster.start(folder, rabbitmq, nextPort),
      RedisCluster.start(folder, { server: redis.server, client }, nextPort),
      PostgresPair.start(folder, postgres.bin, nextPort),
    ]);
    const [a, b, c] = started;
    if (a.status === 'fulfilled' && b.status === 'fulfilled' && c.status === 'fulfilled')
      return new ReplicatedServers(folder, a.value, b.value, c.value);
    for (const each of started) if (each.status === 'fulfilled') await each.value.stop();
    throw new AggregateError(started.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])));
  }

  /** What the operator and the stages connect by. */
  get urls(): ServerUrls {
    return {
      REDIS_URL: `redis://${this.redis.addresses.split(',')[0]}`,
      RABBITMQ_URL: this.rabbitmq.url,
      RABBITMQ_MANAGEMENT_URL: this.rabbitmq.managementUrl,
      DATABASE_URL: this.postgres.url,
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.rabbitmq.stop(), this.redis.stop(), this.postgres.stop()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
