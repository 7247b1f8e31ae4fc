import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { within } from '@scrutin/shared/testing/within.ts';

export interface ServerProgram {
  program: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd: string;
  log: string;
  user?: { uid: number; gid: number } | undefined;
}

const END_LIMIT_MS = 30_000;

/** A server as a child process that a test may kill and start again. It does not outlive the run of the tests. */
export class ServerProcess {
  readonly #program: ServerProgram;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(program: ServerProgram) {
    this.#program = program;
  }

  /** Where it writes what it does. */
  get log(): string {
    return this.#program.log;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Throws if it has ended, so that nobody takes another server at its port for it. */
  mustRun(): void {
    if (!this.running) throw new Error(`${this.#program.program} has ended; see ${this.log}`);
  }

  /** Does nothing while it runs. */
  start(): void {
    if (this.#child) return;
    const { program, args, env, cwd, log, user } = this.#program;
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, 'a');
    const child = spawn(program, args, {
      cwd,
      env: env ?? { PATH: process.env.PATH },
      // The last one is a pipe that its own children (PostgreSQL's backends, Redis saving) inherit: `close` comes
      // when they have gone too, so that who starts again on the same files is alone there.
      stdio: ['ignore', output, output, 'pipe'],
      ...user,
    });
    closeSync(output);
    child.once('error', () => {});
    child.stdio[3]?.on('error', () => {});
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once('close', () => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      });
    });
  }

  /** SIGKILL; resolves when it and its children are gone. */
  async end(): Promise<void> {
    const child = this.#child;
    child?.kill('SIGKILL');
    await within(
      `${this.#program.program} (process ${child?.pid}) and its children are gone`,
      this.#gone,
      END_LIMIT_MS,
    );
  }
}
