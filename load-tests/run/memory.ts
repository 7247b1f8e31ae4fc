import { readFileSync } from 'node:fs';

/** Resident memory of a process, bytes (Linux, proc(5) `status`); undefined if it is gone or can't be asked. */
export function memoryOf(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
