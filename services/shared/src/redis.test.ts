import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createLog } from './log.ts';
import { connectRedis, type RedisConnection, redisReady } from './redis.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until } from './testing/virtual-host.ts';

let proxy: TcpProxy;
let redis: RedisConnection;

beforeEach(async () => {
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
  proxy = await TcpProxy.to(url);
  const log = createLog({ stage: 'test', level: 'silent' });
  redis = connectRedis({ url: proxy.through(url), log, commandTimeout: 1_000 });
  await redisReady(redis);
});

afterEach(async () => {
  redis.disconnect();
  await proxy.close();
});

it.each([
  ['answers', ['toClient'] as const],
  ['commands', ['toServer'] as const],
  ['everything', ['toServer', 'toClient'] as const],
])('a connection on which %s gets lost is made anew', async (_what, directions) => {
  await redis.ping();
  proxy.swallow(directions);
  await expect(redis.ping()).rejects.toThrow();
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  await until('Redis answers again', answers);
  expect(proxy.connections).toBeGreaterThan(1);
});

it('a connection on which nothing is asked for long is kept', async () => {
  await redis.ping();
  await new Promise((resolve) => setTimeout(resolve, 2_300));
  await redis.ping();
  expect(proxy.connections).toBe(1);
});
