import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { within } from '@scrutin/shared/testing/within.ts';
import type pg from 'pg';
import { postgresAnswers, postgresUser } from '../../scripts/servers/postgres-server.ts';
import { LOOK } from './look.ts';
import { ServerProcess } from './server-process.ts';
import { ServiceAddress } from './service-address.ts';
import { withClient } from './with-client.ts';

interface PostgresNode {
  name: string;
  port: number;
  folder: string;
  process: ServerProcess;
}

const run = promisify(execFile);
const STANDBY = 'standby';

/**
 * PostgreSQL with a synchronous replica behind one address. What a CloudNativePG does is done here too, twice a
 * second: a primary that is gone is replaced by its replica, and a replica that is gone is not waited for
 * (its `dataDurability: preferred`).
 */
export class PostgresPair {
  readonly #bin: string;
  readonly #user: { uid: number; gid: number } | undefined;
  readonly #address: ServiceAddress;
  #primary: PostgresNode;
  #replica: PostgresNode;
  #stopped = false;
  #watch: Promise<void> = Promise.resolve();
  #missed = 0;
  /** Commits waited for the replica at the last look: it has all that was acknowledged. */
  #waits = false;
  /** The primary's process that sends to the replica, while it is stopped. */
  #held: number | undefined;

  private constructor(bin: string, nodes: [PostgresNode, PostgresNode], address: ServiceAddress) {
    this.#bin = bin;
    this.#user = postgresUser();
    this.#address = address;
    [this.#primary, this.#replica] = nodes;
  }

  static async start(folder: string, bin: string, nextPort: () => Promise<number>): Promise<PostgresPair> {
    const node = async (name: string): Promise<PostgresNode> => {
      const port = await nextPort();
      const home = join(folder, `postgres-${name}`);
      const settings = {
        port,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        max_connections: 200,
        logging_collector: 'off',
        hot_standby: 'on',
        wal_keep_size: '256MB',
        // Of a killed process the kernel tells; a machine that is busy may keep silent for seconds.
        wal_sender_timeout: '20s',
        wal_receiver_timeout: '20s',
      };
      const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      const program = {
        program: join(bin, 'postgres'),
        args: ['-D', home, ...args],
        env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
        cwd: folder,
        log: `${home}.log`,
        user: postgresUser(),
      };
      return { name, port, folder: home, process: new ServerProcess(program) };
    };
    const nodes: [PostgresNode, PostgresNode] = [await node('a'), await node('b')];
    const pair = new PostgresPair(bin, nodes, await ServiceAddress.open([nodes[0].port]));
    try {
      await pair.#makePrimary();
      await pair.makeReplica();
    } catch (error) {
      await pair.stop();
      throw error;
    }
    pair.#watch = (async () => {
      while (!pair.#stopped) {
        // A look that fails is followed by the next one.
        await pair.#look().catch(() => {});
        await sleep(500);
      }
    })();
    return pair;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.#address.port}/postgres`;
  }

  get primary(): PostgresNode {
    return this.#primary;
  }

  get replica(): PostgresNode {
    return this.#replica;
  }

  /** The replica has all that is committed, and commits wait for it. */
  async inStep(): Promise<boolean> {
    const [row] = await this.#ask<{ sync_state: string }>(
      this.#primary,
      "select sync_state from pg_stat_replication where state = 'streaming'",
    );
    return row?.sync_state === 'sync';
  }

  /** Makes the replica anew from the primary, as it must be after it was the primary and is one no more. */
  async makeReplica(): Promise<void> {
    const { folder, process } = this.#replica;
    await process.end();
    this.#emptyFolder(folder);
    const from = `host=127.0.0.1 port=${this.#primary.port} user=postgres application_name=${STANDBY}`;
    await this.#run('pg_basebackup', ['-D', folder, '-d', from, '-R', '-X', 'stream', '-c', 'fast']);
    process.start();
    await this.#answers(this.#replica);
  }

  async startReplica(): Promise<void> {
    rmSync(join(this.#replica.folder, 'postmaster.pid'), { force: true });
    this.#replica.process.start();
    await this.#answers(this.#replica);
  }

  /**
   * From now on nothing that the primary writes gets to the replica, so that no commit may be acknowledged. Resolves with
   * what kills the primary in that state.
   */
  async holdBack(): Promise<() => Promise<void>> {
    const primary = this.#primary;
    const [sender] = await this.#ask<{ pid: number }>(
      primary,
      "select pid from pg_stat_replication where state = 'streaming'",
    );
    if (!sender) throw new Error('nothing streams to the replica');
    process.kill(sender.pid, 'SIGSTOP');
    this.#held = sender.pid;
    return async () => {
      const ended = primary.process.end();
      // A stopped process does not notice that its parent is gone.
      this.#letGo('SIGKILL');
      await ended;
    };
  }

  #letGo(signal: NodeJS.Signals): void {
    if (this.#held === undefined) return;
    try {
      process.kill(this.#held, signal);
    } catch {
      // It is gone.
    }
    this.#held = undefined;
  }

  /** Has the replica back, if it is gone, and commits wait for it. */
  async mend(limitMs: number): Promise<void> {
    this.#letGo('SIGCONT');
    await until('PostgreSQL has a primary', () => postgresAnswers(urlOf(this.#primary)), limitMs, LOOK);
    // It may have been the primary when it was lost: only a new copy fits in any case.
    if (!this.#replica.process.running) await this.makeReplica();
    await until('commits wait for PostgreSQL’s replica', () => this.inStep(), limitMs, LOOK);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#letGo('SIGCONT');
    await Promise.allSettled([within('the last look at PostgreSQL ends', this.#watch, 30_000)]);
    await Promise.all([this.#primary, this.#replica].map(({ process }) => process.end()));
    await this.#address.close();
  }

  async #makePrimary(): Promise<void> {
    const { folder, process } = this.#primary;
    this.#emptyFolder(folder);
    await this.#run('initdb', [
      '-D',
      folder,
      '-U',
      'postgres',
      '--auth=trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ]);
    writeFileSync(join(folder, 'postgresql.auto.conf'), '', { flag: 'a' });
    process.start();
    await this.#answers(this.#primary);
  }

  /** What an operator of databases does at each look. */
  async #look(): Promise<void> {
    // A process that is gone, not one that is slow to answer: on a busy machine that would make two primaries. And never
    // a replica that may lack what was acknowledged.
    this.#missed = this.#primary.process.running ? 0 : this.#missed + 1;
    if (this.#missed >= 2 && this.#waits && (await postgresAnswers(urlOf(this.#replica))))
      await this.#promote();
    if (this.#missed > 0) return;
    const [{ streams, waits }] = (await this.#ask<{ streams: boolean; waits: boolean }>(
      this.#primary,
      `select exists (select from pg_stat_replication where state = 'streaming') as streams,
        current_setting('synchronous_standby_names') <> '' as waits`,
    )) as [{ streams: boolean; waits: boolean }];
    if (streams !== waits) await this.#waitForReplica(this.#primary, streams);
    this.#waits = streams;
  }

  async #promote(): Promise<void> {
    const [next, last] = [this.#replica, this.#primary];
    await this.#waitForReplica(next, false);
    await this.#ask(next, 'select pg_promote(wait => false) where pg_is_in_recovery()');
    const promoted = async () => {
      const [row] = await this.#ask<{ replica: boolean }>(next, 'select pg_is_in_recovery() as replica');
      return row?.replica === false;
    };
    await until('PostgreSQL’s replica is the primary', promoted, 30_000, LOOK);
    this.#primary = next;
    this.#replica = last;
    this.#missed = 0;
    this.#waits = false;
    this.#address.lead([next.port]);
  }

  async #waitForReplica(node: PostgresNode, wanted: boolean): Promise<void> {
    await this.#ask(node, `alter system set synchronous_standby_names = '${wanted ? STANDBY : ''}'`);
    await this.#ask(node, 'select pg_reload_conf()');
  }

  async #ask<T extends pg.QueryResultRow>(node: PostgresNode, text: string): Promise<T[]> {
    return withClient(urlOf(node), async (client) => (await client.query<T>(text)).rows);
  }

  #answers(node: PostgresNode): Promise<void> {
    const what = `PostgreSQL ${node.name} answers; see ${node.process.log}`;
    const answers = () => {
      node.process.mustRun();
      return postgresAnswers(urlOf(node));
    };
    return until(what, answers, 60_000, LOOK);
  }

  #emptyFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    if (this.#user) chownSync(folder, this.#user.uid, this.#user.gid);
  }

  async #run(program: string, args: string[]): Promise<void> {
    const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
    await run(join(this.#bin, program), args, { ...this.#user, cwd: '/', env, timeout: 60_000 });
  }
}

const urlOf = ({ port }: PostgresNode): string => `postgres://postgres@127.0.0.1:${port}/postgres`;
