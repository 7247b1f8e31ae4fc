import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { PrivateRedis } from '@scrutin/shared/testing/private-redis.ts';
import { publishedElection } from '@scrutin/shared/testing/published-election.ts';
import { readMetrics, seriesValue } from '@scrutin/shared/testing/read-metrics.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { encodeVotes } from '@scrutin/shared/vote-message.ts';
import { Redis } from 'ioredis';
import { ElectorateFixture } from './testing/electorate-fixture.ts';
import { Worker } from './testing/worker.ts';

jest.setTimeout(90_000);

let redisServer: PrivateRedis;
let redis: Redis;
let electorate: ElectorateFixture;
let vhost: VirtualHost;
let worker: Worker;
beforeEach(async () => {
  redisServer = await PrivateRedis.start();
  redis = new Redis(redisServer.url);
  redis.on('error', () => {});
  electorate = await ElectorateFixture.create(redis, 100);
  const published = publishedElection({ id: electorate.id, eligible: 100, layout: electorate.layout });
  await redis.set(redisKeys.election(electorate.id), JSON.stringify(published));
  vhost = await VirtualHost.create();
  worker = await Worker.start({
    REDIS_URL: redisServer.url,
    RABBITMQ_URL: vhost.url,
    ELECTION_ID: electorate.id,
    LOG_LEVEL: 'silent',
  });
  await until('the worker is ready', async () => (await worker.get('/readyz')).status === 200, 30_000);
});
afterEach(async () => {
  await worker.stop('SIGKILL');
  redis.disconnect();
  await redisServer.stop();
  await vhost.remove();
});

const metric = async (name: string, labels: Record<string, string> = {}) =>
  seriesValue(await readMetrics(worker.base), name, labels);
const oldest = () => metric('scrutin_oldest_vote_age_seconds', { queue: QUEUES.validation });
const held = () => metric('scrutin_queue_messages', { queue: QUEUES.validation, state: 'unacknowledged' });
const redisUp = () => metric('scrutin_connection_up', { server: 'redis' });
const send = (voter: number) =>
  vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, encodeVotes([electorate.ballot(voter)]));

describe('the metrics of validation', () => {
  test('tell of votes that a worker holds while Redis is gone: how many messages, and an age that grows', async () => {
    send(1);
    const decided = () => metric('scrutin_votes_decided_total', { outcome: 'validated' });
    await until('the vote is decided', async () => (await decided()) === 1, 30_000);
    await until('nothing is held', async () => (await held()) === 0);
    expect([await oldest(), await redisUp()]).toEqual([0, 1]);

    await redisServer.kill();
    send(2);
    send(3);
    await until('the worker holds both', async () => (await held()) === 2, 30_000);
    await until('it knows that Redis is gone', async () => (await redisUp()) === 0);
    expect(await vhost.ready(QUEUES.validation)).toBe(0);
    const first = (await oldest())!;
    await until('their age grows', async () => (await oldest())! > first + 1.5);
    await until(
      'failed calls are counted',
      async () => (await metric('scrutin_redis_errors_total', { call: 'decide' }))! > 0,
    );

    await redisServer.up();
    await until('Redis is back', async () => (await redisUp()) === 1, 30_000);
  });

  test('count a batch’s decisions by outcome', async () => {
    for (const voter of [1, 2, 2, 3]) send(voter);
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, encodeVotes([electorate.ballot('stranger')]));
    const counts = async () => {
      const all = await readMetrics(worker.base);
      return ['validated', 'duplicate', 'invalid'].map((outcome) =>
        seriesValue(all, 'scrutin_votes_decided_total', { outcome }),
      );
    };
    expect((await counts()).every((count) => count !== undefined)).toBe(true);
    await until(
      'all are decided',
      async () => (await counts()).reduce((sum, n) => sum! + n!, 0) === 5,
      30_000,
    );
    expect(await counts()).toEqual([3, 1, 1]);
    expect(await metric('scrutin_validation_confirm_seconds_count')).toBeGreaterThan(0);
    expect(await metric('scrutin_validation_inflight_confirms')).toBe(0);
  });
});
