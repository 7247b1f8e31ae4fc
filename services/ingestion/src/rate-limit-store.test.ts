import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { Redis } from 'ioredis';
import { SharedRateLimitStore } from './rate-limit-store.ts';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const prefix = `test:{${randomBytes(5).toString('hex')}}:`;

afterAll(async () => {
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(keys);
  await redis.quit();
});

function store(windowMs = 60_000): SharedRateLimitStore {
  const made = new SharedRateLimitStore(redis, prefix);
  made.init({ windowMs });
  return made;
}

describe('the shared count of requests', () => {
  it('is the sum over all processes, a moment later', async () => {
    const [one, other] = [store(), store()];
    for (let i = 0; i < 5; i++) one.increment('a');
    for (let i = 0; i < 7; i++) other.increment('a');
    expect(one.increment('b').totalHits).toBe(1);
    let asked = 0;
    await until('one knows of the other', () => one.increment('a').totalHits === 12 + ++asked);
    one.shutdown();
    other.shutdown();
  });

  it('loses none that come while the counts are exchanged', async () => {
    const counting = store();
    const total = 3_000;
    for (let i = 0; i < total; i++) {
      counting.increment('busy');
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until('Redis has all', async () => Number(await redis.get(`${prefix}busy`)) === total);
    expect(counting.increment('busy').totalHits).toBe(total + 1);
    counting.shutdown();
  });

  it('begins anew with the next window', async () => {
    const short = store(200);
    for (let i = 0; i < 5; i++) short.increment('short');
    await until('the window is over', () => short.increment('short').totalHits === 1);
    short.shutdown();
  });

  it('does not last longer when the clock goes back, also while Redis is away', async () => {
    const away = new Redis(1, { lazyConnect: true, enableOfflineQueue: false, retryStrategy: null });
    away.on('error', () => {});
    const alone = new SharedRateLimitStore(away, prefix);
    alone.init({ windowMs: 200 });
    for (let i = 0; i < 5; i++) alone.increment('a');
    const hourAgo = jest
      .spyOn(Date, 'now')
      .mockImplementation(() => performance.timeOrigin + performance.now() - 3_600_000);
    try {
      const { resetTime } = alone.increment('a');
      expect(resetTime!.getTime() - Date.now()).toBeLessThanOrEqual(200);
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(alone.increment('a').totalHits).toBe(1);
    } finally {
      hourAgo.mockRestore();
      alone.shutdown();
      away.disconnect();
    }
  });
});
