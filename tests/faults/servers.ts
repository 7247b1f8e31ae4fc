import { mkdirSync } from 'node:fs';
import { forget } from '../../scripts/servers/forget.ts';
import { goneWithin } from '../../scripts/servers/process-identity.ts';
import { type ServerUrls, serversDown, serversUp, type Telling } from '../../scripts/servers/servers.ts';
import { type ServerName, StateFile } from '../../scripts/servers/state.ts';

const SILENT: Telling = { step: (_title, work) => work(() => {}), note: () => {} };

/** Redis, RabbitMQ and PostgreSQL that the rounds may do anything to; the same for all rounds of a run. */
export class FaultServers {
  readonly urls: ServerUrls;
  readonly file: StateFile;
  /** One server is started at a time: each start looks at all of them. */
  #starting: Promise<unknown> = Promise.resolve();

  private constructor(file: StateFile, urls: ServerUrls) {
    this.file = file;
    this.urls = urls;
  }

  /** Starts them in `folder`, empty. */
  static async start(folder: string, tell: Telling, yes: boolean): Promise<FaultServers> {
    await forget(folder);
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    const file = StateFile.open(folder);
    try {
      // Nothing of the environment's servers: those are not the test's to kill.
      const { urls } = await serversUp(file, { tell, yes, env: {} });
      return new FaultServers(file, urls);
    } catch (error) {
      await serversDown(file);
      throw error;
    }
  }

  running(name: ServerName): boolean {
    return this.file.running(name) !== undefined;
  }

  /** Sends a signal to the server and all that it started. Does nothing if it isn't running. */
  signal(name: ServerName, signal: NodeJS.Signals): void {
    const identity = this.file.running(name);
    if (!identity) return;
    try {
      process.kill(-identity.pid, signal);
    } catch {
      // It has just ended.
    }
  }

  /** SIGKILL to the server and all that it started; resolves once it is gone. */
  async kill(name: ServerName): Promise<void> {
    const identity = this.file.running(name);
    if (!identity) return;
    this.signal(name, 'SIGKILL');
    await goneWithin(identity, 20_000);
  }

  /** Starts whatever does not run, on the data that are there; resolves once all of them answer. */
  async repair(): Promise<void> {
    const next = this.#starting.then(() => serversUp(this.file, { tell: SILENT, yes: true, env: {} }));
    this.#starting = next.catch(() => {});
    await next;
  }

  async stop(): Promise<void> {
    for (const name of ['redis', 'rabbitmq', 'postgres'] as const) this.signal(name, 'SIGCONT');
    await serversDown(this.file);
  }
}
