import { constants } from 'node:os';
import { backoff } from '@scrutin/shared/retry.ts';

/** A process that ran so long has started well; its next end is no failed start. Milliseconds. */
const SOUND_AFTER_MS = 10_000;

/** How often in a row a process has ended, with this end; one that had started well begins to count anew. */
export const endsInARow = (before: number, ranMs: number): number =>
  ranMs > SOUND_AFTER_MS ? 1 : before + 1;

/** Milliseconds to wait before a process is started again, the longer the more often it has ended in a row. */
export const restartPause = (ends: number): number => backoff(ends, 200, 10_000);

/** What a shell would say of a process that has ended: its exit code, or 128 and the signal's number. */
export const exitCode = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal ? constants.signals[signal] : 0);
