import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { projectFolder } from '../servers/state.ts';
import { seconds } from './steps.ts';

export interface Part {
  name: string;
  passed: number;
  failed: number;
  ms: number;
}

export interface RunLimit {
  ms: number;
  /** Called before the run is ended. */
  onPassed: () => void;
}

export interface JestRun {
  env: NodeJS.ProcessEnv;
  folder: string;
  alone?: boolean;
  limit?: RunLimit;
  leakLimitMs?: number;
}

/** Milliseconds that jest may need to end after its last test; then something that a test has started is still open. */
const LEAK_LIMIT_MS = 60_000;

/**
 * The children of a command that checks things, one after the other. The child that runs gets the signals, and
 * this process goes on, so that the servers are stopped.
 */
export class TestRun {
  readonly #parts: Part[] = [];
  #current: ChildProcess | undefined;
  #interrupted = 0;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        this.#interrupted ||= signal === 'SIGINT' ? 130 : 143;
        this.#current?.kill('SIGTERM');
      });
  }

  /** The exit code for a run that was interrupted, else 0. */
  get interrupted(): number {
    return this.#interrupted;
  }

  /** Runs a program that says itself what is wrong; it counts as one test. */
  async check(name: string, script: string, args: string[]): Promise<void> {
    const begun = Date.now();
    const code = await this.#run([join(projectFolder, 'node_modules', script), ...args], process.env);
    this.#parts.push({
      name,
      passed: code === 0 ? 1 : 0,
      failed: code === 0 ? 0 : 1,
      ms: Date.now() - begun,
    });
  }

  /**
   * Runs jest. Its report lies in `folder` meanwhile. With `alone` nothing that its tests have started outlives it:
   * they are a process group of their own, which is ended with it. A run that is not done at its `limit`, or that does not end
   * though its tests have, is ended, with all that it has started, and has failed.
   */
  async jest(args: readonly string[], { leakLimitMs = LEAK_LIMIT_MS, ...options }: JestRun): Promise<void> {
    const begun = Date.now();
    const report = join(options.folder, `jest-${process.pid}.json`);
    rmSync(report, { force: true });
    const leakLimit = onceThere(report, leakLimitMs, () => {
      process.stderr.write(
        `✖ jest has not ended ${seconds(leakLimitMs)} after its last test: a test has left something open (node --experimental-vm-modules node_modules/jest/bin/jest.js --detectOpenHandles tells what)\n`,
      );
      this.#end(options.alone);
    });
    const code = await this.#run(
      [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        join(projectFolder, 'node_modules/jest/bin/jest.js'),
        ...['--json', `--outputFile=${report}`, '--testLocationInResults=false'],
        ...args,
      ],
      options.env,
      options.alone,
      options.limit,
    );
    leakLimit.stop();
    const part: Part = { name: 'tests', passed: 0, failed: 0, ms: Date.now() - begun };
    try {
      const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
        readFileSync(report, 'utf8'),
      ) as Record<string, number>;
      part.passed = numPassedTests!;
      part.failed = numFailedTests! + numRuntimeErrorTestSuites!;
    } catch {}
    // Whatever jest counted: what ended badly did not pass.
    if (code !== 0 && part.failed === 0) part.failed = 1;
    rmSync(report, { force: true });
    this.#parts.push(part);
  }

  /** Says how it went, last `N passed, N failed`, and returns the exit code. */
  summary(): number {
    for (const { name, passed, failed, ms } of this.#parts)
      process.stdout.write(
        `${failed ? pc.red('✖') : pc.green('✔')} ${name}: ${passed} passed, ${failed} failed ${pc.dim(`(${seconds(ms)})`)}\n`,
      );
    if (this.#interrupted) return this.#interrupted;
    const failed = this.#parts.reduce((sum, part) => sum + part.failed, 0);
    const passed = this.#parts.reduce((sum, part) => sum + part.passed, 0);
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  }

  #run(args: string[], env: NodeJS.ProcessEnv, alone = false, limit?: RunLimit): Promise<number> {
    if (this.#interrupted) return Promise.resolve(this.#interrupted);
    const node = join(projectFolder, 'node_modules', '.bin', 'node');
    return new Promise((resolve, reject) => {
      const child = spawn(node, args, { cwd: projectFolder, stdio: 'inherit', env, detached: alone });
      this.#current = child;
      const timer =
        limit &&
        setTimeout(() => {
          limit.onPassed();
          this.#end(alone);
        }, limit.ms);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        this.#current = undefined;
        if (alone) endGroup(child.pid!);
        resolve(code ?? 1);
      });
    });
  }

  #end(alone = false): void {
    if (alone) endGroup(this.#current!.pid!);
    else this.#current!.kill('SIGKILL');
  }
}

/** Calls `late` once the file has been there for `limitMs` milliseconds, unless it is stopped before. */
function onceThere(path: string, limitMs: number, late: () => void): { stop: () => void } {
  let since: number | undefined;
  const timer = setInterval(() => {
    if (!existsSync(path)) return;
    since ??= performance.now();
    if (performance.now() - since < limitMs) return;
    clearInterval(timer);
    late();
  }, 1_000);
  return { stop: () => clearInterval(timer) };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
