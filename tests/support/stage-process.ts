import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export { freePort } from '@scrutin/shared/testing/free-port.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface StageProcessOptions {
  /** Name in the log file and in messages. */
  name: string;
  /** The program, relative to the project. */
  main: string;
  port: number;
  env: Record<string, string>;
  /** Where standard output and error are appended. */
  logFile: string;
}

/** A stage as a child process that a test may kill and start again at the same port. */
export class StageProcess {
  readonly options: StageProcessOptions;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(options: StageProcessOptions) {
    this.options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Does nothing while it runs. */
  start(): void {
    if (this.#child) return;
    const { main, port, env, logFile } = this.options;
    const child = spawn(process.execPath, [join(ROOT, main)], {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH ?? '',
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_FORMAT: 'json',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once('close', () => {
        log.end(() => resolve());
        if (this.#child === child) this.#child = undefined;
      });
    });
  }

  /** Resolves once `/readyz` says so; rejects when the process ends first or `timeoutMs` has passed. */
  async ready(timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await answer?.body?.cancel();
      const why = this.#child ? 'is not ready in time' : 'has ended';
      if (!this.#child || Date.now() > deadline)
        throw new Error(`${this.options.name} ${why}; see ${this.options.logFile}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends the signal and resolves when the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child?.kill(signal);
    await this.#gone;
  }
}
