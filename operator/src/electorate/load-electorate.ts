import { type Pepper, pepperId } from '@scrutin/shared/voter-hash.ts';
import { type ElectorateLayout, layoutFor, VOTERS_PER_BUCKET } from '@scrutin/shared/voter-slot.ts';
import { type Electorate, LoadInterrupted } from './electorate.ts';
import type { ElectorateSource, ElectorateState } from './electorate-state.ts';
import type { HashSource } from './hash-source.ts';
import { readElectors, type SourceError } from './read-electors.ts';
import { HASH_BYTES, voterHasher } from './voter-hasher.ts';

export interface LoadOptions {
  electorate: Electorate;
  source: HashSource;
  pepper: Pepper;
  /** By default one that suits the source's size; the present one, if it suits, so that marks can stay. */
  layout?: ElectorateLayout;
  /** 1 by default; about the number of primaries of a Redis Cluster. */
  shards?: number;
  /** Hashes that are sent together; 10,000 by default. */
  batchSize?: number;
  /**
   * Who has voted already, from PostgreSQL (P2): put back before workers go on. Not asked for when the
   * electorate is there already.
   */
  marks?: () => AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>;
  /** Stops after the batches at hand; what was loaded is kept, and another load goes on from there. */
  signal?: AbortSignal;
  onProgress?: (progress: LoadProgress) => void;
}

export interface LoadProgress {
  /** Hashes and bad lines so far. */
  processed: number;
  errors: number;
  /** Bytes of the source read so far, and of all of it if known. */
  bytes: number;
  totalBytes?: number;
}

export interface LoadStatistics {
  /** Hashes in the source. */
  processed: number;
  /** Distinct voters that are in Redis now. */
  unique: number;
  duplicates: number;
  errors: number;
  /** The first of them. */
  errorSamples: SourceError[];
  seconds: number;
  /** Hashes that an earlier, interrupted load had dealt with. */
  resumedAt: number;
  layout: ElectorateLayout;
}

/** Batches on their way to Redis at a time: it works on one while the next is hashed. */
const IN_FLIGHT = 3;
const ERROR_SAMPLES = 20;
/** Bytes of a hash in a file, quotes and comma between JSON's and text's way. */
const BYTES_PER_HASH = 66;
/** For a source of unknown size. */
const ASSUMED_VOTERS = 1_000_000;

/**
 * Loads a source into Redis: applies the pepper (P4), streams, and leaves the electorate ready. Repeating it,
 * also after it was interrupted anywhere, leads to the same end state (P7). A source without any hash is
 * not made ready: `unique` is 0 then.
 *
 * Rejects with `signal`'s reason, with {@link LoadInterrupted} (run it again), or with Redis' error.
 */
export async function loadElectorate(options: LoadOptions): Promise<LoadStatistics> {
  const { electorate, source, pepper, marks, signal, onProgress } = options;
  const start = performance.now();
  const target: ElectorateSource = {
    digest: await source.digest(),
    pepperId: pepperId(pepper),
    layout: options.layout ?? suitableLayout(source, await electorate.state(), options.shards ?? 1),
  };
  signal?.throwIfAborted();
  const runs = await electorate.serverRuns();
  const begun = await beginSound(electorate, target);

  const errorSamples: SourceError[] = [];
  let errors = 0;
  let bytes = 0;
  let processed = 0;
  const hashVoters = voterHasher(pepper);
  const sending: { upTo: number; errors: number; added: Promise<number> }[] = [];
  const settleOldest = async () => {
    const oldest = sending.shift()!;
    try {
      await oldest.added;
    } catch (error) {
      // No checkpoint may be written past what is missing now.
      sending.length = 0;
      throw error;
    }
    await electorate.checkpoint(oldest.upTo, oldest.errors);
  };
  const batches = readElectors(source, {
    batchSize: options.batchSize ?? 10_000,
    onError: (error) => {
      if (++errors <= ERROR_SAMPLES) errorSamples.push(error);
    },
    onBytes: (count) => {
      bytes += count;
    },
  });
  try {
    for await (const batch of batches) {
      signal?.throwIfAborted();
      const skipped = Math.max(0, begun.processed - processed) * HASH_BYTES;
      processed += batch.length / HASH_BYTES;
      if (skipped < batch.length) {
        const added = electorate.add(hashVoters(batch.subarray(skipped)));
        // Looked at in its turn; meanwhile a failure must not count as unhandled.
        added.catch(() => {});
        sending.push({ upTo: processed, errors, added });
        if (sending.length >= IN_FLIGHT) await settleOldest();
      }
      onProgress?.({
        processed,
        errors,
        bytes,
        ...(source.sizeBytes !== undefined && { totalBytes: source.sizeBytes }),
      });
    }
  } finally {
    while (sending.length > 0) await settleOldest();
  }
  if (begun.state !== 'ready') {
    await electorate.checkpoint(processed, errors);
    await requireUnchanged(source, target, electorate);
    if (marks) await electorate.restoreMarks(marks());
    await finishSound(electorate, runs);
  }
  const { eligible } = await electorate.state();
  return {
    processed,
    unique: eligible,
    duplicates: processed - eligible,
    errors,
    errorSamples,
    seconds: (performance.now() - start) / 1000,
    resumedAt: begun.processed,
    layout: target.layout,
  };
}

/** Begins, from nothing if what claims to be ready has lost voters. */
async function beginSound(electorate: Electorate, target: ElectorateSource): Promise<ElectorateState> {
  const begun = await electorate.begin(target);
  if (begun.state !== 'ready' || (await electorate.audit()).ok) return begun;
  await electorate.clear();
  return electorate.begin(target);
}

/** The files may have been exchanged after their digest was made: then who was loaded is not whom it names. */
async function requireUnchanged(
  source: HashSource,
  { digest }: ElectorateSource,
  electorate: Electorate,
): Promise<void> {
  if ((await source.digest()) === digest) return;
  await electorate.clear();
  throw new LoadInterrupted('the electorate’s files were changed while they were loaded; load again');
}

async function finishSound(electorate: Electorate, runs: string): Promise<void> {
  if ((await electorate.serverRuns()) !== runs) {
    // What had been acknowledged before the restart may not have reached its disk.
    await electorate.clear();
    throw new LoadInterrupted('Redis was restarted during the load; load again');
  }
  if ((await electorate.state()).eligible > 0) await electorate.finish();
}

function suitableLayout(source: HashSource, present: ElectorateState, shards: number): ElectorateLayout {
  const voters = source.sizeBytes === undefined ? ASSUMED_VOTERS : source.sizeBytes / BYTES_PER_HASH;
  const { layout } = present;
  const perBucket = layout && voters / layout.shards / 2 ** layout.bucketBits;
  const suits =
    perBucket !== undefined && perBucket <= VOTERS_PER_BUCKET && perBucket >= VOTERS_PER_BUCKET / 4;
  return layout?.shards === shards && suits ? layout : layoutFor(voters, shards);
}
