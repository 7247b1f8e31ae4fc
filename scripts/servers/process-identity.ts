import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause } from '@scrutin/shared/retry.ts';
import { z } from 'zod';

/**
 * A process that is known again later: its pid, and when it was started, so that a pid that the system has
 * given to somebody else in the meantime is never taken for it.
 */
export const processIdentitySchema = z.object({ pid: z.number().int().min(2), started: z.string().min(1) });
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** The identity of a running process, or undefined if there is none (or only a zombie) with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedElsewhere(pid);
  return started === undefined ? undefined : { pid, started };
}

/** True while exactly this process runs. */
export const isRunning = ({ pid, started }: ProcessIdentity): boolean => identify(pid)?.started === started;

/**
 * Ends a process: SIGTERM, and SIGKILL to its process group if it still runs after `graceMs` milliseconds.
 * Resolves once it is gone; does nothing if it isn't there any more. True if it had to be killed.
 */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<boolean> {
  if (!isRunning(identity)) return false;
  signalTo(identity.pid, 'SIGTERM');
  if (await goneWithin(identity, graceMs)) return false;
  // Those that we start lead a group of their own; what they started goes with them.
  if (!signalTo(-identity.pid, 'SIGKILL')) signalTo(identity.pid, 'SIGKILL');
  await goneWithin(identity, 10_000);
  return true;
}

/** Resolves with true as soon as the process is gone, with false after `ms` milliseconds. */
export async function goneWithin(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (isRunning(identity)) {
    if (Date.now() >= deadline) return false;
    await pause(25);
  }
  return true;
}

function signalTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

let bootId: string | undefined;

/** Clock ticks since boot (proc(5), field 22 of stat) and the boot that they count from. */
function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold anything, spaces too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 8);
    return `${bootId}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

function startedElsewhere(pid: number): string | undefined {
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/);
    return state && !state.startsWith('Z') ? started.join(' ') : undefined;
  } catch {
    return undefined;
  }
}
