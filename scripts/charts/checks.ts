import { execFile } from 'node:child_process';
import pc from 'picocolors';

/** What a program said, and how it ended. */
export interface Said {
  code: number;
  out: string;
  err: string;
}

/** Runs a program; `input` is what it reads. Doesn't reject. */
export const say = (program: string, args: readonly string[], options: SayOptions = {}): Promise<Said> =>
  new Promise((resolve) => {
    const { input = '', env = {}, cwd } = options;
    const settings = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, args, settings, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) || 1 : 0, out, err }),
    );
    // A program that ends without reading breaks the pipe; how it ended says all.
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
  });

export interface SayOptions {
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
}

/** What a check found wrong: a sentence, and what the program said. */
export class CheckFailed extends Error {}

/** Counts checks, and tells each as it ends. */
export class Checks {
  #passed = 0;
  #failed = 0;

  /** Runs a check; what it throws is told, and the next one goes on. */
  async check(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.add(name, true);
    } catch (error) {
      this.add(name, false, error instanceof CheckFailed ? error.message : String((error as Error).stack));
    }
  }

  /** A result that was found elsewhere. */
  add(name: string, passed: boolean, found = ''): void {
    if (passed) this.#passed++;
    else this.#failed++;
    process.stdout.write(`${passed ? pc.green('✔') : pc.red('✖')} ${name}\n`);
    if (found) process.stdout.write(`  ${found.trimEnd().split('\n').slice(-30).join('\n  ')}\n`);
  }

  /** Says `N passed, N failed`, and returns the exit code. */
  summary(): number {
    process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`);
    return this.#failed === 0 ? 0 : 1;
  }
}

/** Throws {@link CheckFailed} unless the program succeeded. */
export function succeeded({ code, out, err }: Said): string {
  if (code !== 0) throw new CheckFailed(err.trim() || out.trim() || `it ended with ${code}`);
  return out;
}
