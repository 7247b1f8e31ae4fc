import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { voterHash } from '@scrutin/shared/voter-hash.ts';
import { bucketOf, fieldOf } from '@scrutin/shared/voter-slot.ts';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { Electorate } from './electorate.ts';
import { filesSource } from './hash-source.ts';
import { loadElectorate } from './load-electorate.ts';

const VOTERS = 30;
const pepper = createSecretKey(randomBytes(32));
const electors = Array.from({ length: VOTERS }, () => randomBytes(32));
const digits = electors.map((elector) => elector.toString('hex'));

let redis: Redis;
let electorate: Electorate;
let folder: string;
beforeAll(() => {
  redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  folder = mkdtempSync(join(tmpdir(), 'scrutin-damaged-'));
});
beforeEach(() => {
  electorate = new Electorate(redis, `t-${randomBytes(6).toString('hex')}`);
});
afterEach(() => electorate.remove());
afterAll(() => {
  redis.disconnect();
  rmSync(folder, { recursive: true });
});

/** A file made from the electors' hashes, one a line; which of them are still good; and where it is damaged. */
interface Damage {
  says: string;
  make: (lines: string[], at: number) => { content: string | Buffer; lost: number[]; line?: number };
}

const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
/** One line is another. */
const line = (says: string, change: (hash: string) => string): Damage => ({
  says,
  make: (lines, at) => ({
    content: text(lines.with(at, change(lines[at]!))),
    lost: [at],
    line: at + 1,
  }),
});
/** Nothing is lost, and nothing to be told. */
const harmless = (says: string, change: (lines: string[], at: number) => string): Damage => ({
  says,
  make: (lines, at) => ({ content: change(lines, at), lost: [] }),
});

const DAMAGES: Damage[] = [
  harmless('a byte order mark', (lines) => `\ufeff${text(lines)}`),
  harmless('CRLF', (lines) => `${lines.join('\r\n')}\r\n`),
  harmless('mixed case', (lines, at) => text(lines.with(at, lines[at]!.toUpperCase()))),
  harmless('a hash twice', (lines, at) => text([...lines, lines[at]!])),
  harmless('JSON with the list’s name twice', (lines, at) =>
    JSON.stringify({ hashes: lines.slice(0, at) })
      .slice(0, -1)
      .concat(`,"hashes":${JSON.stringify(lines.slice(at))}}`),
  ),
  harmless('nested JSON before the list', (lines) =>
    JSON.stringify({ made: { by: [{ of: [[['x']]] }] }, hashes: lines }),
  ),
  line('a digit too few', (hash) => hash.slice(1)),
  line('a digit too many', (hash) => `${hash}0`),
  line('a NUL', (hash) => `${hash.slice(0, 20)}\0${hash.slice(21)}`),
  line('a letter', (hash) => `${hash.slice(1)}g`),
  line('a long line', () => 'ab'.repeat(50_000)),
  line('another script', () => '０１２３'.repeat(16)),
  {
    says: 'cut off in a line',
    make: (lines, at) => ({
      content: text(lines).slice(0, at * 65 + 30),
      lost: lines.map((_, i) => i).slice(at),
      line: at + 1,
    }),
  },
  {
    says: 'JSON that is cut off',
    make: (lines, at) => ({
      content: JSON.stringify({ hashes: lines }, null, 1).slice(0, -3 - (VOTERS - at) * 69 + 30),
      lost: lines.map((_, i) => i).slice(at),
      line: at + 3,
    }),
  },
  {
    says: 'gzip',
    make: (lines) => ({ content: gzipSync(text(lines)), lost: lines.map((_, i) => i), line: 1 }),
  },
];

const isThere = async (elector: Buffer): Promise<boolean> => {
  const { layout } = await electorate.state();
  const voter = voterHash(elector, pepper);
  const bucket = redisKeys.electorate(electorate.electionId, 0) + bucketOf(voter, layout!);
  return (await redis.hexists(bucket, fieldOf(voter))) === 1;
};

it('a damaged file beside a good one costs its damaged hashes alone, each told by file and line', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...DAMAGES),
      fc.integer({ min: 1, max: VOTERS - 2 }),
      async (damage, at) => {
        const path = join(folder, 'bad.txt');
        const { content, lost, line: damaged } = damage.make([...digits], at);
        writeFileSync(path, content);
        const beside = randomBytes(32);
        writeFileSync(join(folder, 'good.txt'), `${beside.toString('hex')}\n`);
        await electorate.clear();
        const loaded = await loadElectorate({
          electorate,
          source: filesSource([path, join(folder, 'good.txt')]),
          pepper,
          batchSize: 7,
        });
        const found = await Promise.all(electors.map(isThere));
        expect(found.flatMap((there, i) => (there ? [] : [i]))).toEqual(lost);
        expect(await isThere(beside)).toBe(true);
        expect(loaded.unique).toBe(VOTERS - lost.length + 1);
        if (damaged === undefined) return expect(loaded.errors).toBe(0);
        expect(loaded.errors).toBeGreaterThan(0);
        for (const { file, message } of loaded.errorSamples) {
          expect(file).toBe('bad.txt');
          expect(message).toMatch(/^[a-z].{5,120}$/);
          // It doesn't repeat what stands there.
          expect(message).not.toMatch(/[0-9a-f]{20}/);
        }
        expect(loaded.errorSamples[0]!.line).toBe(damaged);
      },
    ),
    { numRuns: 60, examples: DAMAGES.map((damage, i) => [damage, 1 + i]) },
  );
}, 120_000);
