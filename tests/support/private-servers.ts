import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresFolder } from '../../scripts/servers/postgres-server.ts';
import { goneWithin, identify, isRunning } from '../../scripts/servers/process-identity.ts';
import { type ServerUrls, serversDown, serversUp } from '../../scripts/servers/servers.ts';
import { type ServerName, StateFile } from '../../scripts/servers/state.ts';
import { descendants, sendSignal } from './process-tree.ts';
import { SILENT } from './silent.ts';

/** Redis, RabbitMQ and PostgreSQL of a test's own, which it may kill. */
export class PrivateServers {
  readonly urls: ServerUrls;
  /** What runs, and at which ports. */
  readonly file: StateFile;

  private constructor(file: StateFile, urls: ServerUrls) {
    this.file = file;
    this.urls = urls;
  }

  static async start(): Promise<PrivateServers> {
    const file = StateFile.open(mkdtempSync(join(tmpdir(), 'scrutin-servers-')));
    // Nothing of the environment's servers: those are not the test's to kill.
    const { urls } = await serversUp(file, { tell: SILENT, yes: true, env: {} });
    return new PrivateServers(file, urls);
  }

  /** SIGKILL to the server and all that it started; it stays away until {@link repair}. */
  async kill(name: ServerName): Promise<void> {
    const identity = this.file.running(name);
    if (!identity) throw new Error(`${name} does not run`);
    // PostgreSQL's children lead groups of their own; one that is at work outlives it, and holds what a new server needs.
    process.kill(identity.pid, 'SIGSTOP');
    const all = descendants(identity.pid).flatMap((pid) => identify(pid) ?? []);
    process.kill(-identity.pid, 'SIGKILL');
    for (const one of all) if (isRunning(one)) sendSignal(one.pid, 'SIGKILL');
    for (const one of all) if (!(await goneWithin(one, 30_000))) throw new Error(`${name} can’t be killed`);
  }

  /** Starts what does not run, on the data that are there. */
  async repair(): Promise<void> {
    await serversUp(this.file, { tell: SILENT, yes: true, env: {} });
  }

  /** SIGKILL to the server and all that it started, then the server again on the same data. */
  async killAndRestart(name: ServerName): Promise<void> {
    await this.kill(name);
    await this.repair();
  }

  /** Removes all that a server which doesn't run has stored: it comes back as a new one. */
  discardData(name: ServerName): void {
    const folder = name === 'postgres' ? postgresFolder(this.file) : this.file.path(name);
    rmSync(folder, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await serversDown(this.file);
    rmSync(this.file.folder, { recursive: true, force: true });
  }
}
