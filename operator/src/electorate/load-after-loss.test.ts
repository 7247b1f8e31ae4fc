import { createSecretKey, hash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { PrivateRedis } from '@scrutin/shared/testing/private-redis.ts';
import { Redis } from 'ioredis';
import { Electorate } from './electorate.ts';
import type { HashSource } from './hash-source.ts';
import { loadElectorate } from './load-electorate.ts';

const pepper = createSecretKey(randomBytes(32));
const lines = Array.from({ length: 2_000 }, () => `${randomBytes(32).toString('hex')}\n`);
const CHUNK = 100;

/** A slow source: `onChunk` is waited for before each of its twenty chunks. */
const source = (onChunk: (index: number) => Promise<void> | void = () => {}): HashSource => ({
  name: 'lines',
  digest: async () => hash('sha256', lines.join('')),
  async *files() {
    async function* chunks() {
      for (let at = 0; at < lines.length; at += CHUNK) {
        await onChunk(at / CHUNK);
        yield Buffer.from(lines.slice(at, at + CHUNK).join(''));
      }
    }
    yield { name: 'lines.txt', stream: Readable.from(chunks(), { highWaterMark: 1 }) };
  },
});

let server: PrivateRedis;
let redis: Redis;
beforeEach(async () => {
  server = await PrivateRedis.start();
  redis = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
  redis.on('error', () => {});
});
afterEach(async () => {
  redis.disconnect();
  await server.stop();
});

/** Redis comes back as it was when it was last saved, as a replica does that lacks the last writes. */
async function loseLastWrites(): Promise<void> {
  await server.kill();
  await server.up();
  while (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
}

it('a load that outlived a loss of Redis and was then stopped leaves nobody out when it goes on', async () => {
  const electorate = new Electorate(redis, 'demo');
  /** Until the loader waits for its source: of the last batches it writes no checkpoint before there are more. */
  const allSent = async (chunks: number) => {
    for (;;) {
      const { eligible, processed } = await electorate.state();
      if (eligible === chunks * CHUNK && processed === (chunks - 2) * CHUNK) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const stop = new AbortController();
  const broken = loadElectorate({
    electorate,
    source: source(async (index) => {
      if (index === 5) await redis.save();
      if (index === 18) stop.abort(new Error('stopping'));
      if (index !== 10) return;
      await allSent(index);
      await loseLastWrites();
    }),
    pepper,
    batchSize: CHUNK,
    signal: stop.signal,
  });
  await expect(broken).rejects.toThrow('stopping');
  const statistics = await loadElectorate({ electorate, source: source(), pepper, batchSize: CHUNK });
  expect(statistics).toMatchObject({ processed: 2_000, unique: 2_000 });
  expect(await electorate.audit()).toEqual({ ok: true, counted: 2_000 });
});
