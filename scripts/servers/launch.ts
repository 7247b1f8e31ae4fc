import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pause } from '@scrutin/shared/retry.ts';
import { exitCode } from './restarts.ts';

export interface Launch {
  program: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Output of the process; the run before is kept as `<log>.1`. */
  log: string;
  user?: { uid: number; gid: number } | undefined;
  /** Called with the exit code once the process has ended, if this one still runs then. */
  onEnd?: ((code: number) => void) | undefined;
}

/**
 * Starts a program that outlives this process: in a session of its own, so that the terminal's Ctrl-C
 * doesn't reach it before its turn to stop. Resolves with its pid.
 */
export function launch({ program, args, env, cwd, log, user, onEnd }: Launch): Promise<number> {
  mkdirSync(dirname(log), { recursive: true });
  if (existsSync(log) && statSync(log).size > 0) renameSync(log, `${log}.1`);
  const output = openSync(log, 'a', 0o600);
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: cwd ?? '/',
    env: env ?? process.env,
    ...user,
  });
  closeSync(output);
  child.unref();
  if (onEnd) child.once('exit', (code, signal) => onEnd(exitCode(code, signal)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid!));
  });
}

/** The last lines of a log, for a message about what went wrong. */
export function lastLines(path: string, count = 12): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

/** A program that should run doesn't. The message holds the end of its log. */
export class LaunchError extends Error {
  override name = 'LaunchError';
}

/**
 * Waits until `ready` resolves with true. Throws a {@link LaunchError} with the log's end if the process
 * ends first (`alive` turns false) or `timeoutMs` milliseconds pass.
 */
export async function waitUntilReady(options: {
  name: string;
  log: string;
  timeoutMs: number;
  alive: () => boolean;
  ready: () => Promise<boolean>;
}): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const alive = options.alive();
    if (alive && (await options.ready().catch(() => false))) return;
    const why = !alive
      ? 'ended'
      : Date.now() > deadline
        ? `is not ready after ${Math.round(options.timeoutMs / 1000)} s`
        : undefined;
    if (why)
      throw new LaunchError(`${options.name} ${why}. The end of ${options.log}:\n${lastLines(options.log)}`);
    await pause(50);
  }
}
