import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { electorHashDigits } from '@scrutin/shared/voter-hash.ts';
import { csvElectors, type RowError } from './csv-roll.ts';
import { HashFiles, type HashFormat } from './hash-files.ts';
import { LineFile } from './line-file.ts';
import { type Elector, syntheticElectors } from './synthetic-roll.ts';

export interface GenerateOptions {
  /** Folder for the hash files; made if it isn't there. */
  out: string;
  formats: readonly HashFormat[];
  /** Hashes in a file at the most; without it there is one file a format. */
  perFile?: number;
  /** Overwrite files that are there. */
  force?: boolean;
  /** A roll to hash, or else how many electors to make up and where to write their roll. */
  roll: { csv: string } | { count: number; seed: string; writeTo: string };
  signal?: AbortSignal;
  /** Electors so far, and the share of the work that is done, 0 to 1. */
  onProgress?: (electors: number, done: number) => void;
}

export interface GenerateResult {
  electors: number;
  hashFiles: string[];
  /** The roll that was written; absent if one was given. */
  roll?: string;
  errors: number;
  /** The first of them, with the roll's name. */
  errorSamples: (RowError & { file: string })[];
  seconds: number;
}

/** It can't be done as asked; the message says why. Nothing was written. */
export class GenerateError extends Error {
  override name = 'GenerateError';
  readonly code = 'cannot-generate';
}

const ERROR_SAMPLES = 20;
const BATCH = 1_000;

/**
 * Hashes a roll, or makes one up and hashes it, with memory that doesn't grow with it. Files appear under
 * their names only when all is written. Throws {@link GenerateError}, or `signal`'s reason.
 */
export async function generateHashes(options: GenerateOptions): Promise<GenerateResult> {
  const { out, formats, perFile, roll, signal, onProgress } = options;
  const start = performance.now();
  const result: GenerateResult = { electors: 0, hashFiles: [], errors: 0, errorSamples: [], seconds: 0 };
  if ('csv' in roll && !existsSync(roll.csv)) throw new GenerateError(`there is no roll ${roll.csv}`);
  await refuseOverwriting(options);
  await mkdir(out, { recursive: true, mode: 0o700 });
  if ('writeTo' in roll) await mkdir(dirname(roll.writeTo), { recursive: true, mode: 0o700 });

  const files = formats.map((format) => new HashFiles(out, format, perFile));
  const rollFile = 'writeTo' in roll ? await LineFile.create(roll.writeTo) : undefined;
  let share = 0;
  const electors: AsyncIterable<Elector> | Iterable<Elector> =
    'csv' in roll
      ? readRoll(roll.csv, result, (done) => {
          share = done;
        })
      : syntheticElectors(roll.count, roll.seed);
  try {
    rollFile?.write('nas,code\n');
    for await (const batch of inBatches(electors, BATCH)) {
      signal?.throwIfAborted();
      for (const { nas, code } of batch) {
        const digits = electorHashDigits(nas, code);
        rollFile?.write(`${nas},${code}\n`);
        for (const one of files) {
          const written = one.write(digits);
          if (written) await written;
        }
        if (rollFile?.full) await rollFile.flush();
      }
      result.electors += batch.length;
      onProgress?.(result.electors, 'count' in roll ? result.electors / roll.count : share);
    }
    for (const one of files) result.hashFiles.push(...(await one.finish()));
    await rollFile?.finish();
  } catch (error) {
    for (const one of files) await one.discard();
    await rollFile?.discard();
    throw error;
  }
  if (rollFile) result.roll = rollFile.path;
  result.seconds = (performance.now() - start) / 1000;
  return result;
}

async function* readRoll(
  path: string,
  result: GenerateResult,
  onShare: (done: number) => void,
): AsyncGenerator<Elector> {
  const size = statSync(path).size;
  let bytes = 0;
  const onError = (error: RowError) => {
    if (++result.errors <= ERROR_SAMPLES) result.errorSamples.push({ file: basename(path), ...error });
  };
  yield* csvElectors(path, onError, (read) => {
    bytes += read;
    onShare(size === 0 ? 1 : bytes / size);
  });
}

/** A promise for each elector would cost more than its hash. */
async function* inBatches<T>(items: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<T[]> {
  const batch: T[] = [];
  if (Symbol.iterator in items) {
    for (const item of items) if (batch.push(item) === size) yield batch.splice(0);
  } else for await (const item of items) if (batch.push(item) === size) yield batch.splice(0);
  if (batch.length > 0) yield batch;
}

async function refuseOverwriting({ out, formats, perFile, force, roll }: GenerateOptions): Promise<void> {
  if (force) return;
  const there = existsSync(out) ? await readdir(out) : [];
  const split = perFile !== undefined;
  const inTheWay = there.filter((name) =>
    formats.some((format) =>
      split
        ? new RegExp(`^hashes-\\d+\\.${format}$`).test(name)
        : name === HashFiles.fileName(format, 1, false),
    ),
  );
  const paths = inTheWay.map((name) => join(out, name));
  if ('writeTo' in roll && existsSync(roll.writeTo)) paths.push(roll.writeTo);
  if (paths.length > 0)
    throw new GenerateError(`${paths[0]} is there already; --force overwrites, another --out keeps it`);
}
