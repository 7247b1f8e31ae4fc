import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { readElectors } from './read-electors.ts';

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

/** Hash files of this machine. */
export interface FilesSource extends HashSource {
  sizeBytes: number;
  /** After {@link HashSource.digest}: files left out, since another holds the same list in the other format. */
  skipped: readonly string[];
}

/**
 * Hash files by their paths, in the given order; of a folder its `.json` and `.txt` files by name. If a folder
 * has one list in both formats under one name, as `generate-hashes` writes it, it is read once; a list that
 * differs in anything is read.
 * Throws {@link HashSourceError} if a file or folder isn't there or there is no hash file.
 */
export function filesSource(paths: string | readonly string[]): FilesSource {
  const given = typeof paths === 'string' ? [paths] : paths;
  const twins: [json: string, text: string][] = [];
  let files = given.flatMap((path) => {
    if (!stat(path).isDirectory()) return [path];
    const found = list(path);
    if (found.length === 0)
      throw new HashSourceError(`${path}: there is no .json or .txt file in this folder`);
    for (const json of found.filter((name) => /\.json$/i.test(name))) {
      const text = found.find((name) => name.toLowerCase() === json.toLowerCase().replace(/json$/, 'txt'));
      if (text !== undefined) twins.push([json, text]);
    }
    return found;
  });
  if (files.length === 0) throw new HashSourceError('no hash file was given');
  const size = () => files.reduce((sum, path) => sum + stat(path).size, 0);
  const source: FilesSource = {
    name: given.join(', '),
    sizeBytes: size(),
    skipped: [],
    async digest() {
      for (const [json, text] of twins.splice(0))
        if ((await listDigest(json)) === (await listDigest(text))) {
          files = files.filter((path) => path !== text);
          source.skipped = [...source.skipped, text];
        }
      source.sizeBytes = size();
      const whole = createHash('sha256');
      // A digest of digests: where one file ends and the next begins is part of the content.
      for (const path of files) whole.update(await fileDigest(path));
      return whole.digest('hex');
    },
    async *files() {
      for (const path of files) yield { name: basename(path), stream: open(path) };
    },
  };
  return source;
}

const open = (path: string) => createReadStream(path, { highWaterMark: READ_BYTES });

async function fileDigest(path: string): Promise<Buffer> {
  const digest = createHash('sha256');
  try {
    for await (const chunk of open(path)) digest.update(chunk as Buffer);
  } catch (error) {
    throw unreadable(path, error);
  }
  return digest.digest();
}

/** SHA-256 of the hashes in a file, whatever its format; of a damaged file nothing that another could have. */
async function listDigest(path: string): Promise<string> {
  const digest = createHash('sha256');
  let damaged = false;
  const file = {
    async *files() {
      yield { name: basename(path), stream: open(path) };
    },
  };
  const onError = () => {
    damaged = true;
  };
  for await (const electors of readElectors(file, { batchSize: 1_000, onError })) digest.update(electors);
  return damaged ? path : digest.digest('hex');
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
