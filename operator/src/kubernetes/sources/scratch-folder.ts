import { createHash, hash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StepError } from '../../reconcile/conditions.ts';

/** Of an electorate's files: as much as 120 million voters need. */
const MOST_BYTES = 8 * 2 ** 30;

const tooLarge = (bytes: number): StepError =>
  new StepError(
    'SourceTooLarge',
    `the electorate’s files hold more than ${bytes} bytes; check that spec.electorate.source names the hash files, or load them from a volume`,
    { lasting: true },
  );

/** A file system's limit is 255. */
const MOST_CHARACTERS = 200;

/** A name of one file in one folder, another for each name, that says as much of it as may be. */
function fileName(name: string): string {
  const plain = encodeURIComponent(name).replace(/^\./, '%2E');
  return plain.length <= MOST_CHARACTERS ? plain : `${hash('sha256', name)}-${plain.slice(-100)}`;
}

/** A temporary folder for an electorate's files, so that they are checked whole before one hash of them is loaded. */
export class ScratchFolder {
  readonly path: string;
  readonly #mostBytes: number;
  #bytes = 0;

  /** Holds `mostBytes` at the most, all files together. */
  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
    this.path = mkdtempSync(join(tmpdir(), 'scrutin-electorate-'));
  }

  /**
   * Stores a stream; resolves with its SHA-256 (hexadecimal) and where it lies. Nothing is kept in memory.
   * Rejects with {@link StepError} when the folder would hold too much, and as the stream does.
   */
  async store(
    name: string,
    stream: Readable,
    signal?: AbortSignal,
  ): Promise<{ path: string; sha256: string }> {
    const path = join(this.path, fileName(name));
    const digest = createHash('sha256');
    const take = (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#mostBytes) return tooLarge(this.#mostBytes);
      digest.update(chunk);
      return null;
    };
    const tap = new Transform({ transform: (chunk: Buffer, _, done) => done(take(chunk), chunk) });
    await pipeline(stream, tap, createWriteStream(path, { flags: 'wx', mode: 0o600 }), {
      ...(signal && { signal }),
    });
    return { path, sha256: digest.digest('hex') };
  }

  storeBytes(name: string, bytes: Buffer): Promise<{ path: string; sha256: string }> {
    return this.store(name, Readable.from([bytes]));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
