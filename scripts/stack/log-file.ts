import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Older logs that are kept: `<log>.1` to `<log>.3`. */
const KEPT = 3;
/** A log is set aside when it has grown to so many bytes. */
export const MOST_LOG_BYTES = 32 * 1024 * 1024;

/** Sets the log of the run before aside and opens a new one for appending. */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path) && statSync(path).size > 0) shift(path, () => renameSync(path, `${path}.1`));
  return openSync(path, 'a', 0o600);
}

/**
 * Sets a log aside that a process is writing to and that has grown too large. The process goes on with the
 * emptied file; what it writes in the very moment of the copy may be lost.
 */
export function rotateLog(path: string, mostBytes = MOST_LOG_BYTES): void {
  if (!existsSync(path) || statSync(path).size < mostBytes) return;
  shift(path, () => {
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
  });
}

function shift(path: string, toFirst: () => void): void {
  rmSync(`${path}.${KEPT}`, { force: true });
  for (let n = KEPT - 1; n >= 1; n--)
    if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
  toFirst();
}
