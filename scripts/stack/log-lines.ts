import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { pause } from '@scrutin/shared/retry.ts';
import pc from 'picocolors';

/** The end of a log is looked for in so many bytes. */
const MOST_TAIL_BYTES = 4 * 1024 * 1024;

/** The last lines of a log; of a very large one no more than what stands in its last 4 MiB. */
export function lastLinesOf(path: string, count: number): string[] {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(0, size - MOST_TAIL_BYTES);
    const text = readRange(descriptor, from, size);
    const lines = text.split('\n').filter(Boolean);
    return count === 0 ? [] : lines.slice(-count);
  } finally {
    closeSync(descriptor);
  }
}

function readRange(descriptor: number, from: number, to: number): string {
  const buffer = Buffer.alloc(Math.max(0, to - from));
  const read = readSync(descriptor, buffer, 0, buffer.length, from);
  return buffer.toString('utf8', 0, read);
}

/** Shows each line that is added to the logs, for ever. A log that was emptied or replaced begins anew. */
export async function followLogs(
  logs: readonly { name: string; path: string }[],
  show: (name: string, line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const places = logs.map((log) => ({
    ...log,
    at: statSync(log.path).size,
    rest: '',
    inode: statSync(log.path).ino,
  }));
  while (!signal?.aborted) {
    for (const place of places) {
      let descriptor: number;
      try {
        descriptor = openSync(place.path, 'r');
      } catch {
        continue;
      }
      const { size, ino } = fstatSync(descriptor);
      if (size < place.at || ino !== place.inode) Object.assign(place, { at: 0, rest: '', inode: ino });
      const to = Math.min(size, place.at + MOST_TAIL_BYTES);
      const lines = (place.rest + readRange(descriptor, place.at, to)).split('\n');
      closeSync(descriptor);
      place.at = to;
      place.rest = lines.pop() ?? '';
      for (const line of lines) show(place.name, line);
    }
    await pause(200, signal);
  }
}

const COLOURS: Record<string, (text: string) => string> = {
  fatal: pc.red,
  error: pc.red,
  warn: pc.yellow,
  info: pc.green,
};

/** A JSON line of a stage as people read it; any other line as it is. */
export function formatLine(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const {
      level,
      time,
      stage: _,
      election: __,
      pid: ___,
      msg,
      err,
      ...fields
    } = JSON.parse(line) as Record<string, unknown>;
    const colour = COLOURS[String(level)] ?? pc.dim;
    const more = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const error = (err as { message?: string } | undefined)?.message;
    return [
      pc.dim(String(time).slice(11, 23)),
      colour(String(level).toUpperCase().padEnd(5)),
      String(msg ?? ''),
      ...(error ? [pc.red(error)] : []),
      pc.dim(more.join(' ')),
    ]
      .join(' ')
      .trimEnd();
  } catch {
    return line;
  }
}
