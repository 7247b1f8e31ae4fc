import { z } from 'zod';

/** UTC, ISO 8601, milliseconds: the only way a moment is written between processes. */
export const timestampSchema = z.iso.datetime({ precision: 3 });

let lastMs = Number.NaN;
let lastWritten = '';

/**
 * `ms` since the epoch as the project writes it. Throws a `RangeError` if that is no moment.
 * The last one is kept: at thousands of votes a second many arrive in the same millisecond.
 */
export function timestamp(ms: number): string {
  if (ms !== lastMs) {
    lastWritten = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastWritten;
}
