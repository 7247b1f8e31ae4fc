import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '@scrutin/shared/retry.ts';

const ROOT = '/sys/fs/cgroup';

/** The hierarchies of control groups: one with version 2, one a controller with version 1. */
export function hierarchies(root = ROOT): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'cgroup.procs')))
    .map((entry) => join(root, entry.name));
}

/** Makes the group in every hierarchy, for kubelet to put pods below it; resolves with the one for the processes of the host. */
export function makeGroups(group: string): string {
  const found = hierarchies();
  for (const base of found) {
    const folder = join(base, group);
    mkdirSync(folder, { recursive: true });
    // A cpuset of version 1 takes no process before it has been given processors and memory.
    if (existsSync(join(folder, 'cpuset.clone_children'))) inherit(folder);
  }
  const base = found.find((path) => path.endsWith('/pids')) ?? found[0]!;
  const host = join(base, group, 'host');
  mkdirSync(host, { recursive: true });
  return join(host, 'cgroup.procs');
}

function inherit(folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(folder, file);
    if (readFileSync(own, 'utf8').trim() === '')
      writeFileSync(own, readFileSync(join(folder, '..', file), 'utf8'));
  }
}

/** Every process of the group, in whatever hierarchy and however deep. */
export function groupProcesses(group: string): number[] {
  const pids = new Set<number>();
  for (const base of hierarchies())
    for (const folder of folders(join(base, group)))
      for (const line of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n'))
        if (Number(line) > 1) pids.add(Number(line));
  return [...pids];
}

/** Kills whatever is in the group and removes it. Rejects if something can't be killed within ten seconds. */
export async function removeGroups(group: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let left = groupProcesses(group); left.length > 0; left = groupProcesses(group)) {
    if (Date.now() > deadline) throw new Error(`processes ${left.join(', ')} can’t be killed`);
    for (const pid of left)
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    await pause(50);
  }
  for (const base of hierarchies())
    for (const folder of folders(join(base, group)).reverse()) await removeFolder(folder, deadline);
}

async function removeFolder(folder: string, deadline: number): Promise<void> {
  for (;;)
    try {
      return rmdirSync(folder);
    } catch (error) {
      // The kernel may still be letting the last process go.
      if (Date.now() > deadline) throw error;
      await pause(50);
    }
}

/** The folder and all below it, parents first; none if it isn't there. */
function folders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...below.flatMap(({ name }) => folders(join(folder, name)))];
}
