import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';

/** Where an electorate's hashes come from. The order of files and bytes is the same each time. */
export interface HashSource {
  /** For people. */
  name: string;
  /** SHA-256 of the content, hexadecimal: the same content under other names is the same electorate. */
  digest(): Promise<string>;
  /** Bytes of all files, if known beforehand. */
  sizeBytes?: number;
  files(): AsyncIterable<{ name: string; stream: Readable }>;
}

/** The source can't be read: its message names the file or folder. */
export class HashSourceError extends Error {
  override name = 'HashSourceError';
  readonly code = 'unreadable-source';
}

const READ_BYTES = 1 << 20;
const HASH_FILE = /^[^.].*\.(?:json|txt)$/i;

/**
 * Hash files by their paths, in the given order; of a folder its `.json` and `.txt` files by name.
 * Throws {@link HashSourceError} if one isn't there or there is none.
 */
export function filesSource(paths: string | readonly string[]): HashSource {
  const given = typeof paths === 'string' ? [paths] : paths;
  const files = given.flatMap((path) => {
    if (!stat(path).isDirectory()) return [path];
    const found = list(path);
    if (found.length === 0)
      throw new HashSourceError(`${path}: there is no .json or .txt file in this folder`);
    return found;
  });
  if (files.length === 0) throw new HashSourceError('no hash file was given');
  const open = (path: string) => createReadStream(path, { highWaterMark: READ_BYTES });
  return {
    name: given.join(', '),
    sizeBytes: files.reduce((sum, path) => sum + stat(path).size, 0),
    async digest() {
      const whole = createHash('sha256');
      for (const path of files) {
        const one = createHash('sha256');
        try {
          for await (const chunk of open(path)) one.update(chunk as Buffer);
        } catch (error) {
          throw unreadable(path, error);
        }
        // A digest of digests: where one file ends and the next begins is part of the content.
        whole.update(one.digest());
      }
      return whole.digest('hex');
    },
    async *files() {
      for (const path of files) yield { name: basename(path), stream: open(path) };
    },
  };
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => HASH_FILE.test(name))
      .sort()
      .map((name) => join(folder, name))
      .filter((path) => stat(path).isFile());
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function stat(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): HashSourceError {
  if (error instanceof HashSourceError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT' ? 'there is no such file or folder' : `can’t be read (${code ?? String(error)})`;
  return new HashSourceError(`${path}: ${why}`, { cause: error });
}
