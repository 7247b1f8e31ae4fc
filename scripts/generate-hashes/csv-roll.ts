import { createReadStream } from 'node:fs';
import { normalizeCode } from '@scrutin/shared/code.ts';
import { normalizeNas } from '@scrutin/shared/nas.ts';
import type { Elector } from './synthetic-roll.ts';

/** A row of a roll that can't be used. The message never repeats what stands there (P4). */
export interface RowError {
  line: number;
  message: string;
}

/** A longer line is no row of a roll. */
const LONGEST_LINE = 4_096;
const READ_BYTES = 1 << 18;

/**
 * Streams the electors of a CSV roll. A header that names `nas` and `code` tells their columns; without one they
 * are the first two. Comma or semicolon; quotes, CRLF and a byte order mark are understood; a NAS may hold spaces
 * or dashes, a code be in either case. A bad row goes to `onError`.
 */
export async function* csvElectors(
  path: string,
  onError: (error: RowError) => void,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Elector> {
  let columns: { nas: number; code: number; separator: string } | undefined;
  let number = 0;
  for await (const lines of linesOf(path, onBytes))
    for (const line of lines) {
      number++;
      if (line === undefined) {
        onError({ line: number, message: `longer than ${LONGEST_LINE} bytes` });
        continue;
      }
      if (line.trim() === '') continue;
      if (!columns) {
        const separator = line.includes(';') && !line.includes(',') ? ';' : ',';
        const names = fieldsOf(line, separator).map((name) => name.toLowerCase());
        const [nas, code] = [names.indexOf('nas'), names.indexOf('code')];
        columns = nas >= 0 && code >= 0 ? { nas, code, separator } : { nas: 0, code: 1, separator };
        if (nas >= 0 && code >= 0) continue;
      }
      const fields = fieldsOf(line, columns.separator);
      const nas = normalizeNas(fields[columns.nas]);
      const code = normalizeCode(fields[columns.code]);
      if (nas !== undefined && code !== undefined) yield { nas, code };
      else onError({ line: number, message: rowProblem(fields.length, columns, nas, code) });
    }
}

function rowProblem(
  fields: number,
  columns: { nas: number; code: number },
  nas: string | undefined,
  code: string | undefined,
): string {
  if (fields <= Math.max(columns.nas, columns.code)) return 'has too few columns';
  if (nas === undefined)
    return code === undefined ? 'neither the NAS nor the code is valid' : 'the NAS is not 9 digits';
  return 'the code is not 6 letters and digits';
}

function fieldsOf(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((field) => field.trim());
  const fields: string[] = [];
  // A quoted field (RFC 4180, section 2.5 to 2.7) or a bare one, and what follows it.
  const field = new RegExp(`\\s*(?:"((?:[^"]|"")*)"\\s*|([^${separator}]*))(?:${separator}|$)`, 'y');
  while (field.lastIndex < line.length) {
    const match = field.exec(line);
    if (!match) return [];
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim());
  }
  return fields;
}

/** The lines of each chunk; `undefined` stands for one that is too long, of which nothing is kept. */
async function* linesOf(
  path: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<(string | undefined)[]> {
  let rest = '';
  let tooLong = false;
  let first = true;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    // Latin-1 keeps bytes apart: whatever isn't ASCII is neither a NAS nor a code, and no line feed either.
    let text = chunk.toString('latin1');
    if (first) text = text.replace(/^\xef\xbb\xbf/, '');
    first = false;
    const lines: (string | undefined)[] = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (tooLong && lines.length > 0) {
      lines[0] = undefined;
      tooLong = false;
    }
    if (rest.length > LONGEST_LINE) {
      tooLong = true;
      rest = '';
    }
    yield lines.map((line) => (line !== undefined && line.length > LONGEST_LINE ? undefined : line));
    onBytes(chunk.length);
  }
  if (tooLong) yield [undefined];
  else if (rest !== '') yield [rest];
}
