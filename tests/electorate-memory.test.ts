import { createSecretKey, hash, randomBytes } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { PrivateRedis } from '@scrutin/shared/testing/private-redis.ts';
import type { PendingVote } from '@scrutin/shared/vote-message.ts';
import type { ElectorateLayout } from '@scrutin/shared/voter-slot.ts';
import { Redis } from 'ioredis';
import { Electorate } from '../operator/src/electorate/electorate.ts';
import { filesSource } from '../operator/src/electorate/hash-source.ts';
import { type LoadStatistics, loadElectorate } from '../operator/src/electorate/load-electorate.ts';
import { readElectors } from '../operator/src/electorate/read-electors.ts';
import { voterHasher } from '../operator/src/electorate/voter-hasher.ts';
import { decideVotes } from '../services/validation/src/decide.ts';

const VOTERS = 1_000_000;
/** How much longer the load may take than {@link leastWork}; it was 1.0 to 1.5 times as long. */
const LOAD_RATIO = 4;
/** `used_memory` a voter before anybody has voted, and when everybody has on one law. */
const BYTES_BEFORE = 26;
const BYTES_AFTER = 50;

const pepper = createSecretKey(randomBytes(32));
let folder: string;
let server: PrivateRedis;
let redis: Redis;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-million-'));
  server = await PrivateRedis.start();
  redis = new Redis(server.url);
  await pipeline(Readable.from(lines()), createWriteStream(join(folder, 'hashes.txt')));
}, 60_000);

afterAll(async () => {
  redis.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
});

function* lines(): Generator<string> {
  for (let from = 0; from < VOTERS; from += 10_000)
    yield Array.from({ length: 10_000 }, (_, i) => `${hash('sha256', `voter ${from + i}`)}\n`).join('');
}

async function usedMemory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);
}

it('a million voters load in little more than their hashing and writing takes, into 26 bytes each before the vote and 50 after it', async () => {
  const least = await leastWork();
  const empty = await usedMemory();
  const source = filesSource(join(folder, 'hashes.txt'));
  const electorate = new Electorate(redis, 'referendum-on-a-rather-long-name-2026-01');
  const statistics: LoadStatistics = await loadElectorate({ electorate, source, pepper });
  expect(statistics).toMatchObject({ processed: VOTERS, unique: VOTERS, duplicates: 0, errors: 0 });
  console.info(`${statistics.seconds.toFixed(1)} s, of which ${least.toFixed(1)} s are hashing and writing`);
  const loaded = await usedMemory();
  expect((loaded - empty) / VOTERS).toBeLessThan(BYTES_BEFORE);

  await voteAll(electorate.electionId, statistics.layout);
  const voted = await usedMemory();
  expect((voted - empty) / VOTERS).toBeLessThan(BYTES_AFTER);

  // A machine that was idle when the least work was measured and busy since is measured again.
  const compared = statistics.seconds / least < LOAD_RATIO ? least : Math.max(least, await leastWork());
  expect(statistics.seconds / compared).toBeLessThan(LOAD_RATIO);
}, 300_000);

/** Seconds that reading, hashing and sending a million voters to Redis take, one batch after the other, with nothing made of them. */
async function leastWork(): Promise<number> {
  const start = performance.now();
  const hashVoters = voterHasher(pepper);
  const source = filesSource(join(folder, 'hashes.txt'));
  for await (const electors of readElectors(source, { batchSize: 10_000, onError: () => {} }))
    await redis.sadd('least-work', ...hashVoters(electors));
  const seconds = (performance.now() - start) / 1000;
  await redis.flushall();
  return seconds;
}

/** Everybody votes on one law, in batches as a worker takes them. */
async function voteAll(id: string, layout: ElectorateLayout): Promise<void> {
  const hashVoters = voterHasher(pepper);
  const source = filesSource(join(folder, 'hashes.txt'));
  let deciding: Promise<string[]> = Promise.resolve([]);
  for await (const electors of readElectors(source, { batchSize: 2_000, onError: () => {} })) {
    const votes = hashVoters(electors).map(
      (voter): PendingVote => ({
        ballot_id: newBallotId(id),
        voter: voter.toString('hex'),
        law_id: 'loi-2026-01',
        vote: 'oui',
        timestamp: '2026-01-01T00:00:00.000Z',
        status: 'pending',
        duplicate_count: 0,
      }),
    );
    const before = await deciding;
    expect(before.every((decision) => decision === 'validated')).toBe(true);
    deciding = decideVotes(redis, { id, layout }, votes);
  }
  await deciding;
}
