import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process, bytes (Linux, proc(5) `status`); undefined if it is gone or can't be asked. */
export function memoryOf(pid: number): number | undefined {
  return kibibytes(`/proc/${pid}/status`, 'VmRSS');
}

/**
 * Memory of a process and all that it has started, bytes; what several of them share is counted once (Linux, proc(5) `Pss`).
 * Undefined if it is gone or can't be asked.
 */
export function memoryOfTree(pid: number, children = childrenByParent()): number | undefined {
  const own = kibibytes(`/proc/${pid}/smaps_rollup`, 'Pss');
  if (own === undefined) return undefined;
  return (children.get(pid) ?? []).reduce((sum, child) => sum + (memoryOfTree(child, children) ?? 0), own);
}

function kibibytes(file: string, name: string): number | undefined {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  } catch {
    return undefined;
  }
}

/** All processes by their parent (proc(5) `stat`, field 4; field 2, in parentheses, may hold anything). */
function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended.
    }
  }
  return children;
}
