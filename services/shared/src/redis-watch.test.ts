import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLog } from './log.ts';
import { connectRedis, type RedisConnection, redisReady } from './redis.ts';
import { RedisWatch } from './redis-watch.ts';
import { PrivateRedis } from './testing/private-redis.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until } from './testing/virtual-host.ts';

const log = createLog({ stage: 'test', level: 'silent', format: 'json' });

let server: PrivateRedis;
let proxy: TcpProxy;
let redis: RedisConnection;
let watch: RedisWatch;
let calls: { name: string; ok: boolean }[];
beforeEach(async () => {
  calls = [];
  server = await PrivateRedis.start();
  proxy = await TcpProxy.to(server.url);
  redis = connectRedis({ url: proxy.through(server.url), log, commandTimeout: 3_000 });
  watch = new RedisWatch(redis, (name, _seconds, ok) => calls.push({ name, ok }));
  await redisReady(redis);
});
afterEach(async () => {
  redis.disconnect();
  await proxy.close();
  await server.stop();
});

const failed = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    () => true,
  );

test('a Redis that answers is up, also when it answers with an error', async () => {
  expect(watch.up).toBe(false);
  expect(await watch.call('get', () => redis.get('none'))).toBeNull();
  expect(watch.up).toBe(true);
  expect(await failed(watch.call('wrong', () => redis.call('NO-SUCH-COMMAND')))).toBe(true);
  expect(watch.up).toBe(true);
  expect(calls).toEqual([
    { name: 'get', ok: true },
    { name: 'wrong', ok: false },
  ]);
});

test('a Redis that is connected and does not answer is down, until it answers', async () => {
  await watch.call('get', () => redis.get('none'));
  expect(watch.up).toBe(true);
  proxy.freeze();
  expect(await failed(watch.call('get', () => redis.get('none')))).toBe(true);
  expect(watch.up).toBe(false);
  proxy.pass();
  // The connection on which nothing was answered is made anew meanwhile; a call may fall into that.
  await until('Redis answers', async () => !(await failed(watch.call('get', () => redis.get('none')))));
  expect(watch.up).toBe(true);
});
