import type { Readable } from 'node:stream';
import { type HashFileReader, hashFileReader } from './hash-file.ts';
import type { HashSource } from './hash-source.ts';
import { HASH_BYTES } from './voter-hasher.ts';

/** Something that could not be read, where it is. */
export interface SourceError {
  file: string;
  line: number;
  message: string;
}

export interface ReadOptions {
  /** Electors that are handed over together. */
  batchSize: number;
  onError: (error: SourceError) => void;
  /** Bytes read since the last call. */
  onBytes?: (bytes: number) => void;
}

/**
 * Streams the electors' hashes of a source, in order, as concatenated 32-byte values, up to `batchSize` at a
 * time. A damaged file costs errors and no good hash. Memory doesn't grow with the source.
 */
export async function* readElectors(
  source: Pick<HashSource, 'files'>,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const most = options.batchSize * HASH_BYTES;
  const full: Buffer[] = [];
  let batch = Buffer.allocUnsafe(most);
  let used = 0;
  const take = (bytes: Uint8Array) => {
    batch.set(bytes, used);
    used += HASH_BYTES;
    if (used < most) return;
    full.push(batch);
    batch = Buffer.allocUnsafe(most);
    used = 0;
  };
  for await (const { name, stream } of source.files())
    for await (const _ of readFile(name, stream, take, options)) yield* full.splice(0);
  if (used > 0) yield batch.subarray(0, used);
}

/** Yields after each chunk, so that the caller can hand over what it has before more is read. */
async function* readFile(
  name: string,
  stream: Readable,
  take: (bytes: Uint8Array) => void,
  { onError, onBytes }: ReadOptions,
): AsyncGenerator<void> {
  let hashes = 0;
  let errors = 0;
  const events = {
    hash(bytes: Uint8Array) {
      hashes++;
      take(bytes);
    },
    error(line: number, message: string) {
      errors++;
      onError({ file: name, line, message });
    },
  };
  let reader: HashFileReader | undefined;
  try {
    for await (const chunk of fromFourBytes(stream)) {
      if (!reader) {
        const mark = byteOrderMark(chunk);
        if (mark === 'utf-16') {
          events.error(1, 'the file is UTF-16; save it as UTF-8');
          break;
        }
        const start = mark === 'utf-8' ? chunk.subarray(3) : chunk;
        reader = hashFileReader(name, start, events);
        reader.push(start);
      } else reader.push(chunk);
      onBytes?.(chunk.length);
      yield;
    }
    reader?.end();
  } finally {
    stream.destroy();
  }
  if (hashes === 0 && errors === 0) events.error(1, 'the file holds no hash');
  yield;
}

/** The stream's chunks, of which the first has the four bytes by which a file is known, if there are so many. */
async function* fromFourBytes(stream: Readable): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (!start) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < 4) continue;
    yield start;
    start = undefined;
  }
  if (start && start.length > 0) yield start;
}

function byteOrderMark(start: Buffer): 'utf-8' | 'utf-16' | undefined {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return 'utf-8';
  if ((start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff)) return 'utf-16';
  return undefined;
}
