import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { freePort } from './free-port.ts';

/** A redis-server of a test's own, for what can't be measured or done on a shared one. */
export class PrivateRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
    this.#folder = mkdtempSync(join(tmpdir(), 'scrutin-redis-'));
  }

  /** Starts an empty server without persistence; `args` are further arguments of redis-server. */
  static async start(args: readonly string[] = []): Promise<PrivateRedis> {
    const server = new PrivateRedis(await freePort(), args);
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it (again). Resolves once it answers. */
  async up(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    const child = spawn('redis-server', [...args, ...this.#args], { stdio: 'ignore' });
    this.#child = child;
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    });
    await Promise.race([failed, this.#answers()]);
    failed.catch(() => {});
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const client = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => {});
    try {
      // One that asks for a password answers too.
      const answer = () => client.ping().catch((error: Error) => error.message);
      while (!/^(?:PONG|NOAUTH)/.test(await answer())) await sleep(20);
    } finally {
      client.disconnect();
    }
  }
}

/** A Redis Cluster of `size` primaries, which share the slots evenly. */
export async function startCluster(
  size: number,
): Promise<{ nodes: PrivateRedis[]; stop: () => Promise<void> }> {
  const nodes = await Promise.all(
    Array.from({ length: size }, () => PrivateRedis.start(['--cluster-enabled', 'yes'])),
  );
  const clients = nodes.map(({ url }) => new Redis(url));
  const per = Math.ceil(16_384 / size);
  for (const [i, client] of clients.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', i * per, Math.min(16_384, (i + 1) * per) - 1);
    if (i > 0) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', nodes[i]!.port);
  }
  for (const client of clients)
    while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(50);
  for (const client of clients) client.disconnect();
  return { nodes, stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))) };
}

/** A connection to the cluster that knows all its nodes. */
export async function connectCluster(nodes: readonly PrivateRedis[]): Promise<Cluster> {
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  if (cluster.status !== 'ready') await new Promise((resolve) => cluster.once('ready', resolve));
  return cluster;
}
