import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A temporary folder for an electorate's files, so that they are checked whole before one hash of them is loaded. */
export class ScratchFolder {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'scrutin-electorate-'));
  }

  /** Stores a stream; resolves with its SHA-256 (hexadecimal) and where it lies. Nothing is kept in memory. */
  async store(
    name: string,
    stream: Readable,
    signal?: AbortSignal,
  ): Promise<{ path: string; sha256: string }> {
    const path = join(this.path, name.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_'));
    const digest = createHash('sha256');
    const tap = new Transform({
      transform(chunk: Buffer, _, done) {
        digest.update(chunk);
        done(null, chunk);
      },
    });
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
