import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { forget } from '../../scripts/servers/forget.ts';
import { goneWithin } from '../../scripts/servers/process-identity.ts';
import { nodeEnvironment } from '../../scripts/servers/rabbitmq-server.ts';
import { type ServerUrls, serversDown, serversUp, type Telling } from '../../scripts/servers/servers.ts';
import { type ServerName, StateFile } from '../../scripts/servers/state.ts';
import { descendants, sendSignal } from '../support/process-tree.ts';
import { SILENT } from '../support/silent.ts';
import { persistently } from './scene.ts';
import { Volume } from './volume.ts';

const ALL = ['redis', 'rabbitmq', 'postgres'] as const;

/** Redis, RabbitMQ and PostgreSQL that the rounds may do anything to; the same for all rounds of a run. */
export class FaultServers {
  readonly urls: ServerUrls;
  readonly file: StateFile;
  /** Where PostgreSQL's files are, if it could be given a volume of its own. */
  readonly volume: Volume | undefined;
  /** One server is started at a time: each start looks at all of them. */
  #starting: Promise<unknown> = Promise.resolve();

  private constructor(file: StateFile, urls: ServerUrls, volume: Volume | undefined) {
    this.file = file;
    this.urls = urls;
    this.volume = volume;
  }

  /** Starts them in `folder`, empty. */
  static async start(folder: string, tell: Telling, yes: boolean): Promise<FaultServers> {
    const mount = join(folder, 'postgres-volume');
    await forget(folder, ['lock.json', 'postgres-volume']);
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    const volume = Volume.mount(mount);
    const file = StateFile.open(folder);
    if (volume) file.update({ postgresFolder: join(volume.folder, 'postgres') });
    try {
      // Nothing of the environment's servers: those are not the test's to kill.
      const { urls } = await serversUp(file, { tell, yes, env: {} });
      if (ALL.some((name) => file.running(name) === undefined))
        throw new Error('the servers must be processes of this machine, so that they can be killed');
      return new FaultServers(file, urls, volume);
    } catch (error) {
      await serversDown(file);
      Volume.unmount(mount);
      throw error;
    }
  }

  /** Sends a signal to the server and every process that it has started. Does nothing if it isn't running. */
  signalAll(name: ServerName, signal: NodeJS.Signals): void {
    const identity = this.file.running(name);
    if (identity) for (const pid of descendants(identity.pid)) sendSignal(pid, signal);
  }

  /** SIGKILL to the server and all that it started; resolves once it is gone. */
  async kill(name: ServerName): Promise<void> {
    const identity = this.file.running(name);
    if (!identity) return;
    this.signalAll(name, 'SIGKILL');
    await goneWithin(identity, 20_000);
  }

  /** Asks the server to end by `signal`; resolves once it is gone, killed if that takes too long. */
  async end(name: ServerName, signal: NodeJS.Signals): Promise<void> {
    const identity = this.file.running(name);
    if (!identity) return;
    sendSignal(identity.pid, signal);
    if (!(await goneWithin(identity, 10_000))) await this.kill(name);
  }

  /** Starts whatever does not run, on the data that are there; resolves once all of them answer. */
  async repair(): Promise<void> {
    const next = this.#starting.then(() => this.#startAll());
    this.#starting = next.catch(() => {});
    await next;
  }

  /** Another fault may keep a server from starting: PostgreSQL doesn't without room on its volume. Then again. */
  async #startAll(): Promise<void> {
    await persistently(() => serversUp(this.file, { tell: SILENT, yes: true, env: {} }), 500);
  }

  /** Calls a function of the broker: `module function [arguments]`. Another fault may have it down: then again. */
  async callRabbitmq(call: string): Promise<void> {
    const { HOME, ERL_EPMD_PORT, RABBITMQ_NODENAME, PATH } = nodeEnvironment(this.file);
    const env = { HOME, ERL_EPMD_PORT, PATH };
    const args = ['-sname', RABBITMQ_NODENAME!, '-a', call];
    await persistently(() => promisify(execFile)('erl_call', args, { env, timeout: 10_000 }), 500);
  }

  async stop(): Promise<void> {
    for (const name of ALL) this.signalAll(name, 'SIGCONT');
    this.volume?.clear();
    await serversDown(this.file);
    if (this.volume) Volume.unmount(this.volume.folder);
  }
}
