import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process, bytes (Linux, proc(5) `status`); undefined if it is gone or can't be asked. */
export function memoryOf(pid: number): number | undefined {
  return kibibytes(`/proc/${pid}/status`, 'VmRSS');
}

/**
 * Memory of a process and all that it has started, bytes; what several of them share is counted once (Linux, proc(5) `Pss`).
 * Undefined if it is gone or can't be asked.
 */
export function memoryOfTree(pid: number): number | undefined {
  const own = kibibytes(`/proc/${pid}/smaps_rollup`, 'Pss');
  if (own === undefined) return undefined;
  return childrenOf(pid).reduce((sum, child) => sum + (memoryOfTree(child) ?? 0), own);
}

function kibibytes(file: string, name: string): number | undefined {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  } catch {
    return undefined;
  }
}

/** Those whose parent it is (proc(5) `stat`, field 4; field 2, in parentheses, may hold anything). */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => {
      try {
        const stat = readFileSync(`/proc/${other}/stat`, 'latin1');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    });
}
