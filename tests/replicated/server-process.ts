import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ServerProgram {
  program: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd: string;
  log: string;
  user?: { uid: number; gid: number } | undefined;
}

/** A server as a child process that a test may kill and start again. It does not outlive the run of the tests. */
export class ServerProcess {
  readonly #program: ServerProgram;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(program: ServerProgram) {
    this.#program = program;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    const { program, args, env, cwd, log, user } = this.#program;
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, 'a');
    const child = spawn(program, args, {
      cwd,
      env: env ?? { PATH: process.env.PATH },
      stdio: ['ignore', output, output],
      ...user,
    });
    closeSync(output);
    child.once('error', () => {});
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once('close', () => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      });
    });
  }

  /** SIGKILL; resolves when it is gone. */
  async end(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }
}
