import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createLog } from './log.ts';
import { connectRedis, type RedisConnection, redisReady } from './redis.ts';
import { PrivateRedis } from './testing/private-redis.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until } from './testing/virtual-host.ts';

const log = createLog({ stage: 'test', level: 'silent' });

let proxy: TcpProxy;
let redis: RedisConnection;

beforeEach(async () => {
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
  proxy = await TcpProxy.to(url);
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

it('a server that has become a replica is left for the one to which its address leads now', async () => {
  const [before, after] = await Promise.all([PrivateRedis.start(), PrivateRedis.start()]);
  let primary = before;
  const address = createServer((client) => {
    const server = connect(primary.port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => {});
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => address.listen(0, '127.0.0.1', resolve));
  const { port } = address.address() as AddressInfo;
  const moving = connectRedis({ url: `redis://127.0.0.1:${port}`, log });
  try {
    await redisReady(moving);
    await moving.set('mark', '1');
    primary = after;
    await moving.call('REPLICAOF', '127.0.0.1', String(after.port));
    // As votes are decided: in a script, whose error has a text of its own.
    const written = () =>
      moving.eval("return redis.call('SET', KEYS[1], '2')", 1, 'mark').then(
        () => true,
        () => false,
      );
    await until('the new primary takes what is written', written);
  } finally {
    moving.disconnect();
    address.close();
    await Promise.all([before.stop(), after.stop()]);
  }
});
