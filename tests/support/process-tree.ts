import { readFileSync } from 'node:fs';

/** A process and all below it, the oldest first (Linux, proc(5)). */
export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(descendants))];
  } catch {
    return [pid];
  }
}

/** To a process that may have ended by itself, or by somebody else. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}
