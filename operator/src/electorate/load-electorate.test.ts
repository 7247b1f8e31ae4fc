import { createSecretKey, hash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { PrivateRedis } from '@scrutin/shared/testing/private-redis.ts';
import { voterHash } from '@scrutin/shared/voter-hash.ts';
import { bucketOf, type ElectorateLayout, fieldOf } from '@scrutin/shared/voter-slot.ts';
import { Redis } from 'ioredis';
import { Electorate, LoadInterrupted } from './electorate.ts';
import type { HashSource } from './hash-source.ts';
import { type LoadOptions, type LoadProgress, loadElectorate } from './load-electorate.ts';
import { electorate, ownElectorates, redis } from './testing/own-electorates.ts';

const pepper = createSecretKey(randomBytes(32));
const electors = Array.from({ length: 2_000 }, () => randomBytes(32));

ownElectorates();

/** A source of text lines, in chunks of `chunkLines`; `onChunk` is called, and waited for, before each. */
function linesSource(
  lines: readonly string[],
  onChunk?: (index: number) => unknown,
  chunkLines = 100,
): HashSource {
  const text = lines.map((line) => `${line}\n`);
  return {
    name: 'lines',
    sizeBytes: text.reduce((sum, line) => sum + line.length, 0),
    digest: async () => hash('sha256', text.join('')),
    async *files() {
      async function* chunks() {
        for (let at = 0; at < text.length; at += chunkLines) {
          await onChunk?.(at / chunkLines);
          yield Buffer.from(text.slice(at, at + chunkLines).join(''));
        }
      }
      yield { name: 'lines.txt', stream: Readable.from(chunks(), { highWaterMark: 1 }) };
    },
  };
}

const digits = electors.map((elector) => elector.toString('hex'));
const load = (source: HashSource, options: Partial<LoadOptions> = {}) =>
  loadElectorate({ electorate, source, pepper, batchSize: 100, ...options });

const isEligible = (elector: Buffer, layout: ElectorateLayout, key = pepper) => {
  const voter = voterHash(elector, key);
  return redis.hexists(
    redisKeys.electorate(electorate.electionId, 0) + bucketOf(voter, layout),
    fieldOf(voter),
  );
};

describe('loading an electorate', () => {
  it('makes every elector eligible, with the pepper applied, and counts what it did', async () => {
    const progress: LoadProgress[] = [];
    const lines = [...digits, 'not a hash', digits[0]!, digits[1]!.toUpperCase()];
    const source = linesSource(lines);
    const statistics = await load(source, { onProgress: (step) => progress.push(step) });
    expect(statistics).toMatchObject({
      processed: 2_002,
      unique: 2_000,
      duplicates: 2,
      errors: 1,
      errorSamples: [{ file: 'lines.txt', line: 2_001 }],
      resumedAt: 0,
    });
    expect(await electorate.state()).toMatchObject({
      state: 'ready',
      eligible: 2_000,
      processed: 2_002,
      errors: 1,
    });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 2_000 });
    for (const elector of electors.slice(0, 50)) expect(await isEligible(elector, statistics.layout)).toBe(1);
    expect(progress.length).toBeGreaterThan(10);
    expect(progress.at(-1)).toEqual({
      processed: 2_002,
      errors: 1,
      bytes: source.sizeBytes,
      totalBytes: source.sizeBytes,
    });
  });

  it('keeps the first errors and counts all', async () => {
    const statistics = await load(linesSource(digits.flatMap((line) => [line, 'x'])));
    expect(statistics).toMatchObject({ processed: 2_000, unique: 2_000, errors: 2_000 });
    expect(statistics.errorSamples).toHaveLength(20);
  });

  it('goes on where an interrupted load stopped, and ends as if nothing had happened', async () => {
    const interrupt = new AbortController();
    const source = (onChunk?: (index: number) => unknown) =>
      linesSource([...digits, 'x', digits[0]!], onChunk);
    const broken = load(
      source((index) => index === 12 && interrupt.abort(new Error('enough'))),
      {
        signal: interrupt.signal,
      },
    );
    await expect(broken).rejects.toThrow('enough');
    const kept = await electorate.state();
    expect(kept.state).toBe('loading');
    expect(kept.processed).toBeGreaterThanOrEqual(800);
    expect(kept.processed).toBeLessThan(2_000);
    expect(kept.eligible).toBe(kept.processed);
    const statistics = await load(source());
    expect(statistics).toMatchObject({ processed: 2_001, unique: 2_000, duplicates: 1, errors: 1 });
    expect(statistics.resumedAt).toBe(kept.processed);
    expect(await electorate.audit()).toEqual({ ok: true, counted: 2_000 });
  });

  it('goes on with batches of another size', async () => {
    const interrupt = new AbortController();
    const broken = load(
      linesSource(digits, (index) => index === 12 && interrupt.abort()),
      {
        signal: interrupt.signal,
      },
    );
    await expect(broken).rejects.toThrow();
    expect(await load(linesSource(digits), { batchSize: 333 })).toMatchObject({
      processed: 2_000,
      unique: 2_000,
    });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 2_000 });
  });

  it('finds a finished load as it is, and mends it when voters have been lost', async () => {
    const first = await load(linesSource(digits));
    expect(await load(linesSource(digits))).toMatchObject({
      processed: 2_000,
      unique: 2_000,
      resumedAt: 2_000,
    });
    const [bucket] = await redis.keys(`${redisKeys.electorate(electorate.electionId, 0)}*`);
    await redis.unlink(bucket!);
    expect(await load(linesSource(digits))).toMatchObject({
      unique: 2_000,
      resumedAt: 0,
      layout: first.layout,
    });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 2_000 });
  });

  it('leaves the voters of the last source only', async () => {
    await load(linesSource(digits));
    const { layout } = await load(linesSource(digits.slice(1_000)));
    expect(await isEligible(electors[0]!, layout)).toBe(0);
    expect(await isEligible(electors[1_500]!, layout)).toBe(1);
    expect(await electorate.state()).toMatchObject({ state: 'ready', eligible: 1_000 });
  });

  it('applies another pepper to everybody', async () => {
    const other = createSecretKey(randomBytes(32));
    await load(linesSource(digits));
    const { layout } = await load(linesSource(digits), { pepper: other });
    expect(await isEligible(electors[0]!, layout)).toBe(0);
    expect(await isEligible(electors[0]!, layout, other)).toBe(1);
  });

  it('keeps the layout while it suits, so that marks can stay', async () => {
    const { layout } = await load(linesSource(digits));
    expect((await load(linesSource(digits.slice(0, 1_100)))).layout).toEqual(layout);
    expect((await load(linesSource(digits.slice(0, 100)))).layout).not.toEqual(layout);
  });

  it('puts marks back before workers go on, and not when nothing was lost', async () => {
    const states: string[] = [];
    const marks = async function* () {
      states.push((await electorate.state()).state);
      yield { lawId: 'loi-1', voters: electors.slice(0, 10).map((elector) => voterHash(elector, pepper)) };
    };
    await load(linesSource(digits), { marks });
    await load(linesSource(digits), { marks });
    expect(states).toEqual(['loading']);
    const stored = await redis.keys(`${redisKeys.voted(electorate.electionId, 0, 'loi-1')}*`);
    const counts = await Promise.all(stored.map((key) => redis.hlen(key)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10);
  });

  it('does not make an electorate of nobody ready', async () => {
    expect(await load(linesSource(['x', 'y']))).toMatchObject({ processed: 0, unique: 0, errors: 2 });
    expect(await electorate.state()).toMatchObject({ state: 'loading', eligible: 0 });
  });

  it('is over when another load takes its place', async () => {
    const losing = load(
      linesSource(digits, (index) => index === 5 && new Electorate(redis, electorate.electionId).clear()),
    );
    await expect(losing).rejects.toBeInstanceOf(LoadInterrupted);
  });
});

describe('a Redis that crashes during the load', () => {
  it('costs no voter: the next load goes on from what is on its disk', async () => {
    const server = await PrivateRedis.start(['--appendonly', 'yes', '--appendfsync', 'everysec']);
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    client.on('error', () => {});
    const there = new Electorate(client, 'demo');
    const broken = loadElectorate({
      electorate: there,
      source: linesSource(digits, (index) => index === 10 && server.kill()),
      pepper,
      batchSize: 50,
    });
    await expect(broken).rejects.toThrow();
    await server.up();
    while (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve));
    const statistics = await loadElectorate({ electorate: there, source: linesSource(digits), pepper });
    expect(statistics).toMatchObject({ processed: 2_000, unique: 2_000 });
    expect(await there.audit()).toEqual({ ok: true, counted: 2_000 });
    client.disconnect();
    await server.stop();
  });
});
