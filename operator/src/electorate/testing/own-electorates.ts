import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { Redis } from 'ioredis';
import { Electorate } from '../electorate.ts';
import type { ElectorateSource } from '../electorate-state.ts';

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
export const voters = Array.from({ length: 500 }, () => randomBytes(32));
export const source: ElectorateSource = {
  layout: { shards: 3, bucketBits: 2 },
  digest: '0a'.repeat(32),
  pepperId: 'p1',
};

export let redis: Redis;
/** The running test's own. */
export let electorate: Electorate;

/** Gives each test of the file an electorate of its own, which is removed after it. */
export function ownElectorates(): void {
  beforeAll(() => {
    redis = new Redis(url);
  });
  beforeEach(() => {
    electorate = new Electorate(redis, `t-${randomBytes(6).toString('hex')}`);
  });
  afterEach(() => electorate.remove());
  afterAll(() => redis.disconnect());
}

/** Its keys in Redis. */
export const keys = (pattern = '*') => redis.keys(redisKeys.shard(electorate.electionId, '*') + pattern);

/** Loads it as a whole. */
export async function load(list = voters, what = source): Promise<void> {
  await electorate.begin(what);
  await electorate.add(list);
  await electorate.checkpoint(list.length, 2);
  await electorate.finish();
}

/** Marks in batches, as a ledger gives them. */
export async function* marks(lawId: string, list: readonly Buffer[]) {
  for (let at = 0; at < list.length; at += 100) yield { lawId, voters: list.slice(at, at + 100) };
}
