import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pause } from '@scrutin/shared/retry.ts';
import { LaunchError, lastLines } from '../servers/launch.ts';
import { endProcess } from '../servers/process-identity.ts';
import { endsInARow, exitCode, restartPause } from '../servers/restarts.ts';
import { projectFolder, type StateFile } from '../servers/state.ts';
import { openLog, rotateLog } from './log-file.ts';
import { formatLine } from './log-lines.ts';

/** A process of the pipeline as the supervisor runs it. */
export interface StageProcess {
  /** Arguments to Node: its options, the file, the file's arguments. */
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Answers 200 once the process is at work; none: it is at work when it runs. */
  readyUrl?: string;
}

export interface SupervisorOptions {
  file: StateFile;
  /** What happened to a process that nobody asked for: an end, a new start. */
  onEvent: (text: string) => void;
  /** Each line of the processes' output as well; otherwise it goes to the log file alone. */
  onLine?: ((name: string, line: string) => void) | undefined;
}

interface Kept {
  name: string;
  /** Asked before each start: a port that was free may be taken by then. */
  make: () => Promise<StageProcess>;
  stage: StageProcess;
  child: ChildProcess | undefined;
  /** Ends that came before the process was ready, or soon after, in a row. */
  failures: number;
  wanted: boolean;
  lastCode: number | undefined;
  running: Promise<void>;
}

/** Milliseconds after SIGTERM before SIGKILL: the stages' own limit (SHUTDOWN_GRACE_MS) and a little more. */
const STOP_LIMIT_MS = 25_000;
/** Exit code of a stage whose settings are wrong: another try would not help. */
const BAD_SETTINGS = 2;

/**
 * Keeps the stages' processes running: starts them in sessions of their own (the terminal's Ctrl-C is for
 * this process, which stops them in order), with a log file each, and starts them again, after a growing
 * pause, when they end unasked.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #closing = new AbortController();
  readonly #rotation: NodeJS.Timeout;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#rotation = setInterval(() => {
      for (const name of this.#kept.keys()) rotateLog(this.logOf(name));
    }, 10_000).unref();
  }

  logOf(name: string): string {
    return this.#options.file.path('logs', `${name}.log`);
  }

  /** Names of the processes that are to run. */
  get names(): string[] {
    return [...this.#kept.values()].filter(({ wanted }) => wanted).map(({ name }) => name);
  }

  /** Names of the processes that are known, wanted or still on their way out. */
  get all(): string[] {
    return [...this.#kept.keys()];
  }

  /** Starts a process; {@link ready} tells when it is at work. One that a crash left is ended first. */
  async start(name: string, make: () => Promise<StageProcess>): Promise<void> {
    const { file } = this.#options;
    const left = file.state.processes[`stage:${name}`];
    if (left) await endProcess(left, STOP_LIMIT_MS);
    const kept: Kept = {
      name,
      make,
      stage: await make(),
      child: undefined,
      failures: 0,
      wanted: true,
      lastCode: undefined,
      running: Promise.resolve(),
    };
    this.#kept.set(name, kept);
    kept.running = this.#keep(kept);
  }

  /**
   * Resolves once the process answers its probe. Throws a {@link LaunchError} with its log's last lines if it
   * ends three times, or isn't ready after `timeoutMs` milliseconds.
   */
  async ready(name: string, timeoutMs = 60_000): Promise<void> {
    const kept = this.#kept.get(name)!;
    const deadline = Date.now() + timeoutMs;
    while (!(await isReady(kept))) {
      const broken = kept.failures >= 3 || kept.lastCode === BAD_SETTINGS;
      if (!broken && Date.now() < deadline) {
        await pause(50, this.#closing.signal);
        if (this.#closing.signal.aborted) return;
        continue;
      }
      const what = broken ? `ended with code ${kept.lastCode}` : `isn’t ready after ${timeoutMs / 1000} s`;
      const log = lastLines(this.logOf(name)).split('\n').map(formatLine).join('\n');
      throw new LaunchError(
        `${name} ${what}. The end of ${this.logOf(name)}:\n${log}\nSettings: .env.example; everything anew: npm run reset`,
      );
    }
  }

  /** Stops processes, all at once: SIGTERM, SIGKILL after a limit. They are not started again. */
  async stop(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const kept = this.#kept.get(name);
        if (!kept) return;
        kept.wanted = false;
        const identity = this.#options.file.running(`stage:${name}`);
        if (identity && (await endProcess(identity, STOP_LIMIT_MS)))
          this.#options.onEvent(`${name} did not stop in time and was ended`);
        await kept.running;
        this.#kept.delete(name);
      }),
    );
  }

  /** Ends every process at once, without waiting for what they are at. Safe: it is redelivered (P1). */
  kill(): void {
    for (const kept of this.#kept.values()) {
      kept.wanted = false;
      kept.child?.kill('SIGKILL');
    }
  }

  /** No process is started again from here on. */
  close(): void {
    this.#closing.abort();
    clearInterval(this.#rotation);
    for (const kept of this.#kept.values()) kept.wanted = false;
  }

  async #keep(kept: Kept): Promise<void> {
    const { file, onEvent } = this.#options;
    const { name } = kept;
    while (kept.wanted) {
      const begun = Date.now();
      kept.lastCode = await this.#run(kept);
      file.setProcess(`stage:${name}`, undefined);
      if (!kept.wanted) return;
      kept.failures = endsInARow(kept.failures, Date.now() - begun);
      if (kept.lastCode === BAD_SETTINGS) {
        onEvent(`${name}: a setting is wrong; see ${this.logOf(name)}`);
        return;
      }
      onEvent(`${name} ended (code ${kept.lastCode}); starting it again`);
      await pause(restartPause(kept.failures), this.#closing.signal);
      if (kept.wanted) kept.stage = await kept.make();
    }
  }

  /** Runs the process once; resolves with its exit code, or 128 + 9 and the like after a signal. */
  #run(kept: Kept): Promise<number> {
    const { file, onLine } = this.#options;
    const { name } = kept;
    const { args, env } = kept.stage;
    const log = openLog(this.logOf(name));
    const child = spawn(process.execPath, args, {
      cwd: projectFolder,
      env,
      detached: true,
      stdio: ['ignore', onLine ? 'pipe' : log, onLine ? 'pipe' : log],
    });
    kept.child = child;
    closeSync(log);
    if (onLine)
      for (const stream of [child.stdout!, child.stderr!])
        createInterface({ input: stream }).on('line', (line) => onLine(name, line));
    if (child.pid) file.setProcess(`stage:${name}`, child.pid);
    return new Promise((resolve) => {
      child.once('error', () => resolve(127));
      child.once('exit', (code, signal) => resolve(exitCode(code, signal)));
    });
  }
}

async function isReady({ stage, child }: Kept): Promise<boolean> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return false;
  if (!stage.readyUrl) return true;
  try {
    const response = await fetch(stage.readyUrl, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
