import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries, findProgram } from '../../scripts/servers/binaries.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { portSource } from './ports.ts';
import { PostgresPair } from './postgres-pair.ts';
import { RabbitmqCluster } from './rabbitmq-cluster.ts';
import { RedisCluster } from './redis-cluster.ts';

/** Three RabbitMQ nodes, six Redis nodes and two of PostgreSQL, as processes of this machine. */
export class ReplicatedServers {
  readonly rabbitmq: RabbitmqCluster;
  readonly redis: RedisCluster;
  readonly postgres: PostgresPair;

  private constructor(rabbitmq: RabbitmqCluster, redis: RedisCluster, postgres: PostgresPair) {
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
    const nextPort = portSource();
    const started = await Promise.allSettled([
      RabbitmqCluster.start(folder, rabbitmq, nextPort),
      RedisCluster.start(folder, { server: redis.server, client }, nextPort),
      PostgresPair.start(folder, postgres.bin, nextPort),
    ]);
    const [a, b, c] = started;
    if (a.status === 'fulfilled' && b.status === 'fulfilled' && c.status === 'fulfilled')
      return new ReplicatedServers(a.value, b.value, c.value);
    for (const each of started) if (each.status === 'fulfilled') await each.value.stop();
    const failed = started.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
    throw new AggregateError(failed, failed.map(({ message }) => message).join('; '));
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

  /** Ends all of them. Their files stay in the temporary folder, which whoever runs the tests throws away. */
  async stop(): Promise<void> {
    const ended = await Promise.allSettled([this.rabbitmq.stop(), this.redis.stop(), this.postgres.stop()]);
    const failed = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (failed.length > 0) throw new AggregateError(failed, 'servers did not end');
  }
}
