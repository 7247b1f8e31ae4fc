import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ballotIdBytes } from '@scrutin/shared/ballot-id.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, type RedisConnection, redisReady } from '@scrutin/shared/redis.ts';
import { ballotTag, redisKeys } from '@scrutin/shared/redis-keys.ts';
import { connectCluster, PrivateRedis, startCluster } from '@scrutin/shared/testing/private-redis.ts';
import { Redis } from 'ioredis';
import { decideVotes } from './decide.ts';
import { ElectorateFixture } from './testing/electorate-fixture.ts';

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const log = createLog({ stage: 'test', level: 'silent' });

let redis: Redis;
let election: ElectorateFixture | undefined;

beforeAll(() => {
  redis = new Redis(url);
});
afterEach(async () => {
  await election?.remove();
  election = undefined;
});
afterAll(() => redis.disconnect());

async function electorate(
  voters: number,
  layout?: { shards: number; bucketBits: number },
): Promise<ElectorateFixture> {
  election = await ElectorateFixture.create(redis, voters, layout);
  return election;
}

describe('deciding votes', () => {
  it('validates an eligible voter’s first ballot, and marks the voter with it', async () => {
    const e = await electorate(3);
    const vote = e.ballot(0);
    expect(await decideVotes(redis, e, [vote])).toEqual(['validated']);
    expect(await e.mark(e.voters[0]!, 'loi-1')).toEqual(ballotTag(ballotIdBytes(vote.ballot_id)));
  });

  it('calls who is not in the electorate invalid, and marks nothing', async () => {
    const e = await electorate(3);
    const vote = e.ballot('stranger');
    expect(await decideVotes(redis, e, [vote])).toEqual(['invalid']);
    expect(await e.mark(Buffer.from(vote.voter, 'hex'), 'loi-1')).toBeNull();
  });

  it('calls another ballot of the same voter for the same law a duplicate, and keeps the first mark', async () => {
    const e = await electorate(3);
    const [first, second] = [e.ballot(1), e.ballot(1)];
    expect(await decideVotes(redis, e, [first])).toEqual(['validated']);
    expect(await decideVotes(redis, e, [second])).toEqual(['duplicate']);
    expect(await e.mark(e.voters[1]!, 'loi-1')).toEqual(ballotTag(ballotIdBytes(first.ballot_id)));
  });

  it('gives the same ballot the same decision each time it comes (P3)', async () => {
    const e = await electorate(3);
    const batch = [e.ballot(0), e.ballot(0), e.ballot('stranger'), e.ballot(2)];
    const decisions = ['validated', 'duplicate', 'invalid', 'validated'];
    for (let time = 0; time < 3; time++) expect(await decideVotes(redis, e, batch)).toEqual(decisions);
  });

  it('counts a voter once for each law', async () => {
    const e = await electorate(1);
    const batch = [e.ballot(0, 'loi-1'), e.ballot(0, 'loi-2'), e.ballot(0, 'loi-2')];
    expect(await decideVotes(redis, e, batch)).toEqual(['validated', 'validated', 'duplicate']);
  });

  it('validates both of the same ballot twice in a batch, and the first of two ballots of a voter', async () => {
    const e = await electorate(2);
    const [a, b, c] = [e.ballot(0), e.ballot(1), e.ballot(1)];
    expect(await decideVotes(redis, e, [a, b, a, c, b])).toEqual([
      'validated',
      'validated',
      'validated',
      'duplicate',
      'validated',
    ]);
  });

  it('calls a voter whose mark came back from PostgreSQL a duplicate', async () => {
    const e = await electorate(2);
    await e.restoreMark(e.voters[0]!, 'loi-1');
    expect(await decideVotes(redis, e, [e.ballot(0), e.ballot(1)])).toEqual(['duplicate', 'validated']);
  });

  it('decides a whole batch in order, and an empty one', async () => {
    const e = await electorate(300);
    const batch = e.voters.flatMap((_, i) => [e.ballot(i), e.ballot('stranger')]);
    const decisions = await decideVotes(redis, e, batch);
    expect(decisions).toEqual(e.voters.flatMap(() => ['validated', 'invalid']));
    expect(await decideVotes(redis, e, [])).toEqual([]);
  });

  it('spreads a batch over shards and puts the decisions back in order', async () => {
    const e = await electorate(100, { shards: 7, bucketBits: 2 });
    const batch = e.voters.flatMap((_, i) => [e.ballot(i), e.ballot('stranger'), e.ballot(i)]);
    const expected = e.voters.flatMap(() => ['validated', 'invalid', 'duplicate']);
    expect(await decideVotes(redis, e, batch)).toEqual(expected);
  });

  it('lets exactly one of two ballots pass when two workers decide at the same time', async () => {
    const e = await electorate(500);
    const other = new Redis(url);
    const [mine, theirs] = [
      e.voters.map((_, i) => e.ballot(i)),
      e.voters.map((_, i) => e.ballot(i)).reverse(),
    ];
    const slices = Array.from({ length: 10 }, (_, i) => [i * 50, i * 50 + 50] as const);
    const [a, b] = await Promise.all([
      Promise.all(slices.map(([from, to]) => decideVotes(redis, e, mine.slice(from, to)))),
      Promise.all(slices.map(([from, to]) => decideVotes(other, e, theirs.slice(from, to)))),
    ]);
    other.disconnect();
    const [first, second] = [a.flat(), b.flat().reverse()];
    for (const [i, decision] of first.entries())
      expect([decision, second[i]].sort()).toEqual(['duplicate', 'validated']);
  });

  it('takes votes on many laws that the election does not list', async () => {
    const e = await electorate(1);
    const batch = Array.from({ length: 300 }, (_, i) => e.ballot(0, `other-${i}`));
    expect(new Set(await decideVotes(redis, e, batch))).toEqual(new Set(['validated']));
    for (const { law_id } of batch) {
      const [bucket] = await redis.keys(`${redisKeys.voted(e.id, 0, law_id)}*`);
      await redis.unlink(bucket!);
    }
  });
});

describe('an electorate that is not there', () => {
  it.each([
    ['absent', (e: ElectorateFixture) => redis.unlink(redisKeys.meta(e.id, 0))],
    ['being loaded', (e: ElectorateFixture) => e.setState('loading')],
    ['laid out otherwise', (e: ElectorateFixture) => redis.hset(redisKeys.meta(e.id, 0), { bucketBits: 9 })],
    ['of more shards', (e: ElectorateFixture) => redis.hset(redisKeys.meta(e.id, 0), { shards: 2 })],
  ])('has votes held when it is %s, and nobody is marked or called invalid', async (_what, change) => {
    const e = await electorate(2);
    await change(e);
    await expect(decideVotes(redis, e, [e.ballot(0), e.ballot('stranger')])).rejects.toMatchObject({
      code: 'electorate-not-ready',
    });
    expect(await e.mark(e.voters[0]!, 'loi-1')).toBeNull();
  });

  it('has the whole batch held when one of its shards is lost', async () => {
    const e = await electorate(40, { shards: 2, bucketBits: 2 });
    const batch = e.voters.map((_, i) => e.ballot(i));
    await redis.unlink(redisKeys.meta(e.id, 1));
    await expect(decideVotes(redis, e, batch)).rejects.toMatchObject({ code: 'electorate-not-ready' });
    await e.setState('ready');
    expect(new Set(await decideVotes(redis, e, batch))).toEqual(new Set(['validated']));
  });
});

describe('a Redis that is not there', () => {
  it('has votes held, and decides them after it is back, its scripts forgotten', async () => {
    const server = await PrivateRedis.start(['--appendonly', 'yes', '--appendfsync', 'always']);
    const client = connectRedis({ url: server.url, log });
    await redisReady(client);
    const e = await ElectorateFixture.create(client, 5);
    const batch = e.voters.map((_, i) => e.ballot(i));
    expect(new Set(await decideVotes(client, e, batch))).toEqual(new Set(['validated']));
    await server.kill();
    await expect(decideVotes(client, e, batch)).rejects.toMatchObject({ code: 'filter-unavailable' });
    await server.up();
    await redisReady(client);
    expect(new Set(await decideVotes(client, e, batch))).toEqual(new Set(['validated']));
    expect(await decideVotes(client, e, [e.ballot(0)])).toEqual(['duplicate']);
    client.disconnect();
    await server.stop();
  });

  it('has votes held when it runs out of memory, and decides them when there is some again', async () => {
    const server = await PrivateRedis.start(['--maxmemory-policy', 'noeviction']);
    const client: RedisConnection = new Redis(server.url);
    const e = await ElectorateFixture.create(client, 5);
    await client.config('SET', 'maxmemory', '1mb');
    const batch = e.voters.map((_, i) => e.ballot(i));
    await expect(decideVotes(client, e, batch)).rejects.toMatchObject({ code: 'filter-unavailable' });
    await client.config('SET', 'maxmemory', '0');
    expect(new Set(await decideVotes(client, e, batch))).toEqual(new Set(['validated']));
    client.disconnect();
    await server.stop();
  });
});

it('decides on a Redis Cluster, each shard on its own node', async () => {
  const { nodes, stop } = await startCluster(2);
  const cluster = await connectCluster(nodes);
  const e = await ElectorateFixture.create(cluster, 60, { shards: 4, bucketBits: 2 });
  const batch = e.voters.flatMap((_, i) => [e.ballot(i), e.ballot(i), e.ballot('stranger')]);
  const expected = e.voters.flatMap(() => ['validated', 'duplicate', 'invalid']);
  for (let time = 0; time < 2; time++) expect(await decideVotes(cluster, e, batch)).toEqual(expected);
  cluster.disconnect();
  await stop();
}, 60_000);
