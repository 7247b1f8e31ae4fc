import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { Redis } from 'ioredis';
import { LOOK } from './look.ts';
import { ServerProcess } from './server-process.ts';

interface RedisNode {
  port: number;
  process: ServerProcess;
}

/** A Redis Cluster of three primaries with a replica each. */
export class RedisCluster {
  readonly nodes: readonly RedisNode[];

  private constructor(nodes: RedisNode[]) {
    this.nodes = nodes;
  }

  static async start(
    folder: string,
    programs: { server: string; client: string },
    nextPort: () => Promise<number>,
  ): Promise<RedisCluster> {
    const nodes: RedisNode[] = [];
    for (let i = 0; i < 6; i++) {
      const [port, bus] = [await nextPort(), await nextPort()];
      const home = join(folder, `redis-${i}`);
      mkdirSync(home, { recursive: true });
      const args = [
        ...[
          '--port',
          String(port),
          '--bind',
          '127.0.0.1',
          '--dir',
          home,
          '--save',
          '',
          '--appendonly',
          'yes',
        ],
        ...['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '2000'],
        // The shards that are there go on while another one has no primary.
        ...['--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0'],
      ];
      const node = {
        port,
        process: new ServerProcess({ program: programs.server, args, cwd: home, log: join(home, 'log') }),
      };
      node.process.start();
      nodes.push(node);
    }
    const cluster = new RedisCluster(nodes);
    try {
      await Promise.all(nodes.map((node) => cluster.answers(node)));
      const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
      const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'];
      await promisify(execFile)(programs.client, create, { timeout: 60_000 });
      await until('the Redis Cluster is whole', () => cluster.whole(), 60_000, LOOK);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** The setting REDIS_CLUSTER_NODES. */
  get addresses(): string {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  /** A node that is a primary now, and holds the keys of `key`'s slot. */
  async primaryOf(key: string): Promise<RedisNode> {
    const slot = Number(await this.#ask(this.#any, 'CLUSTER', 'KEYSLOT', key));
    const slots = (await this.#ask(this.#any, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = slots.find(([from, to]) => from <= slot && slot <= to)!;
    return this.nodes.find((node) => node.port === port)!;
  }

  /** Three primaries, each with a replica that is in step, and all slots served. */
  async whole(): Promise<boolean> {
    const roles = await Promise.all(
      this.nodes.map(async (node) => String(await this.#ask(node, 'INFO', 'replication'))),
    );
    const primaries = roles.filter((text) => text.includes('role:master'));
    const inStep = roles.filter((text) => text.includes('master_link_status:up'));
    const state = String(await this.#ask(this.#any, 'CLUSTER', 'INFO'));
    return primaries.length === 3 && inStep.length === 3 && state.includes('cluster_state:ok');
  }

  async answers(node: RedisNode): Promise<void> {
    const what = `the Redis node at port ${node.port} answers; see ${node.process.log}`;
    const answers = async () => {
      node.process.mustRun();
      return (await this.#ask(node, 'PING')) === 'PONG';
    };
    await until(what, answers, 60_000, LOOK);
  }

  /** Has back what is gone, in its place. */
  async mend(limitMs: number): Promise<void> {
    for (const { process } of this.nodes) process.start();
    await until('three Redis primaries have a replica in step each', () => this.whole(), limitMs, LOOK);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.end()));
  }

  get #any(): RedisNode {
    return this.nodes.find(({ process }) => process.running)!;
  }

  async #ask({ port }: RedisNode, command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis({
      ...{ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null },
      ...{ connectTimeout: 2_000, commandTimeout: 5_000 },
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }
}
