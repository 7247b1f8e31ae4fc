import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Cores as taskset(1) takes them: `0,1`. */
export interface SplitCores {
  system: string;
  generator: string;
}

/**
 * Two halves of these cores, the smaller one for the system, so that the generator can offer more than the system can do.
 * Undefined if there is but one.
 */
export function splitCores(cores: readonly number[]): SplitCores | undefined {
  if (cores.length < 2) return undefined;
  const half = Math.floor(cores.length / 2);
  return { system: cores.slice(0, half).join(), generator: cores.slice(half).join() };
}

/** The cores that this process may run on (Linux, proc(5) `Cpus_allowed_list`, such as `0-3,8`). */
export function allowedCores(
  list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '',
): number[] {
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: to! - from + 1 }, (_, i) => from + i);
  });
}

/**
 * Keeps this process, and all that it starts from now on, to one half of the cores; returns both. Throws, with what to do
 * instead, where that can't be done.
 */
export function keepApart(): SplitCores {
  const instead = 'leave it out (--no-apart), and read the figures as those of a machine that k6 shares';
  if (process.platform !== 'linux') throw new Error(`--apart needs Linux; ${instead}`);
  const split = splitCores(allowedCores());
  if (!split) throw new Error(`--apart needs two cores; ${instead}`);
  const { status, stderr, error } = spawnSync(
    'taskset',
    ['-a', '-p', '-c', split.system, String(process.pid)],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0)
    throw new Error(`--apart: taskset failed (${error?.message ?? stderr.trim()}); ${instead}`);
  return split;
}
