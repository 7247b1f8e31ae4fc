import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { connectCluster, startCluster } from '@scrutin/shared/testing/private-redis.ts';
import { bucketOf, fieldOf, shardOf } from '@scrutin/shared/voter-slot.ts';
import { Electorate, LoadInterrupted } from './electorate.ts';
import type { ElectorateSource } from './electorate-state.ts';
import {
  electorate,
  keys,
  load,
  marks,
  ownElectorates,
  redis,
  source,
  voters,
} from './testing/own-electorates.ts';

ownElectorates();

const mark = (voter: Buffer, lawId: string) =>
  redis.hget(
    redisKeys.voted(electorate.electionId, shardOf(voter, source.layout), lawId) +
      bucketOf(voter, source.layout),
    fieldOf(voter),
  );

describe('an electorate', () => {
  it('that is removed while it is loaded stays so, whatever its loader does next', async () => {
    await electorate.begin(source);
    await electorate.add(voters);
    await new Electorate(redis, electorate.electionId).remove();
    await expect(electorate.add(voters)).rejects.toThrow(LoadInterrupted);
    await expect(electorate.checkpoint(500, 0)).rejects.toThrow(LoadInterrupted);
    await expect(electorate.restoreMarks(marks('loi-1', voters))).rejects.toThrow(LoadInterrupted);
    await expect(electorate.finish()).rejects.toThrow(LoadInterrupted);
    expect(await keys()).toEqual([]);
  });

  it('is absent, then loading, then ready with every voter in the bucket where workers look', async () => {
    expect(await electorate.state()).toEqual({ state: 'absent', eligible: 0, processed: 0, errors: 0 });
    await electorate.begin(source);
    expect(await electorate.state()).toMatchObject({ state: 'loading', eligible: 0, layout: source.layout });
    expect(await electorate.add(voters)).toBe(500);
    await electorate.checkpoint(501, 2);
    await electorate.finish();
    expect(await electorate.state()).toEqual({
      state: 'ready',
      layout: source.layout,
      eligible: 500,
      processed: 501,
      errors: 2,
      source: source.digest,
      pepperId: 'p1',
    });
    for (const voter of voters) {
      const key = redisKeys.electorate(electorate.electionId, shardOf(voter, source.layout));
      expect(await redis.hexists(key + bucketOf(voter, source.layout), fieldOf(voter))).toBe(1);
    }
  });

  it('counts each voter once, however often a batch comes', async () => {
    await electorate.begin(source);
    expect(await electorate.add([...voters, ...voters.slice(0, 10)])).toBe(500);
    expect(await electorate.add(voters)).toBe(0);
    expect((await electorate.state()).eligible).toBe(500);
  });

  it('keeps what an interrupted load of the same source has done', async () => {
    await electorate.begin(source);
    await electorate.add(voters.slice(0, 300));
    await electorate.checkpoint(300, 1);
    const resumed = new Electorate(redis, electorate.electionId);
    expect(await resumed.begin(source)).toMatchObject({ state: 'loading', processed: 300, eligible: 300 });
  });

  it('stays ready when a finished load begins again', async () => {
    await load();
    expect(await electorate.begin(source)).toMatchObject({ state: 'ready', processed: 500, eligible: 500 });
  });

  it.each<[string, Partial<ElectorateSource>]>([
    ['source', { digest: '0b'.repeat(32) }],
    ['pepper', { pepperId: 'p2' }],
    ['number of shards', { layout: { shards: 2, bucketBits: 2 } }],
    ['number of buckets', { layout: { shards: 3, bucketBits: 3 } }],
  ])('is loaded anew for another %s, with nothing left of the old', async (_what, change) => {
    await load();
    const begun = await electorate.begin({ ...source, ...change });
    expect(begun).toMatchObject({ state: 'loading', eligible: 0, processed: 0 });
    expect(await keys('e:*')).toEqual([]);
    expect(await keys('meta')).toHaveLength((change.layout ?? source.layout).shards);
    await load(voters.slice(0, 50), { ...source, ...change });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 50 });
  });

  it('loads only a lost shard anew', async () => {
    await load();
    const lost = await keys('meta').then((list) => list.find((key) => key.includes('/1}'))!);
    await redis.unlink(lost);
    expect(await electorate.state()).toMatchObject({ state: 'absent' });
    expect(await electorate.begin(source)).toMatchObject({ state: 'loading', processed: 0 });
    const inLost = voters.filter((voter) => shardOf(voter, source.layout) === 1).length;
    expect(await electorate.add(voters)).toBe(inLost);
    await electorate.finish();
    expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
  });

  it('takes no voters of a load that another has replaced, or whose Redis was lost', async () => {
    await electorate.begin(source);
    await new Electorate(redis, electorate.electionId).begin({ ...source, digest: '0c'.repeat(32) });
    await expect(electorate.add(voters)).rejects.toBeInstanceOf(LoadInterrupted);
    await expect(electorate.finish()).rejects.toBeInstanceOf(LoadInterrupted);
    await redis.unlink(await keys('meta'));
    await expect(electorate.add(voters)).rejects.toBeInstanceOf(LoadInterrupted);
    expect(await keys('e:*')).toEqual([]);
  });

  it('takes no voters once it is ready', async () => {
    await load();
    await expect(electorate.add([randomBytes(32)])).rejects.toBeInstanceOf(LoadInterrupted);
  });

  it('fails its audit when voters are missing', async () => {
    await load();
    expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
    const [bucket] = await keys('e:*');
    const missing = await redis.hlen(bucket!);
    await redis.unlink(bucket!);
    expect(await electorate.audit()).toEqual({ ok: false, counted: 500 - missing });
  });
});

describe('voted marks', () => {
  it('come back empty for who has voted, and leave marks with a ballot as they are', async () => {
    await load();
    const key = redisKeys.voted(electorate.electionId, shardOf(voters[0]!, source.layout), 'loi-1');
    await redis.hset(key + bucketOf(voters[0]!, source.layout), fieldOf(voters[0]!), 'a ballot');
    expect(await electorate.restoreMarks(marks('loi-1', voters.slice(0, 250)))).toBe(249);
    expect(await electorate.restoreMarks(marks('loi-1', voters.slice(0, 250)))).toBe(0);
    expect(await mark(voters[0]!, 'loi-1')).toBe('a ballot');
    expect(await mark(voters[249]!, 'loi-1')).toBe('');
    expect(await mark(voters[250]!, 'loi-1')).toBeNull();
    expect(await mark(voters[249]!, 'loi-2')).toBeNull();
  });

  it('can be restored before the electorate is ready, and not without one', async () => {
    await expect(electorate.restoreMarks(marks('loi-1', voters))).rejects.toBeInstanceOf(LoadInterrupted);
    await electorate.begin(source);
    expect(await electorate.restoreMarks(marks('loi-1', voters))).toBe(500);
  });

  it('stay when voters are added to the source, and go when their places change', async () => {
    await load();
    await electorate.restoreMarks(marks('loi-1', voters));
    await electorate.begin({ ...source, digest: '0d'.repeat(32) });
    expect(await mark(voters[0]!, 'loi-1')).toBe('');
    await electorate.begin({ ...source, pepperId: 'p2' });
    expect(await keys('v:*')).toEqual([]);
  });

  it('are removed alone', async () => {
    await load();
    await electorate.restoreMarks(marks('loi-1', voters));
    expect(await electorate.removeMarks()).toBe(500);
    expect(await keys('v:*')).toEqual([]);
    expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
  });

  it('are made anew when the ledger is another, or they are in doubt, and else left alone', async () => {
    await load();
    await electorate.restoreMarks(marks('loi-1', voters));
    const counted = () => marks('loi-1', voters.slice(0, 200));
    expect(await electorate.followLedger('first', counted)).toBeUndefined();
    expect(await electorate.followLedger('first', counted)).toBeUndefined();
    expect(await mark(voters[499]!, 'loi-1')).toBe('');
    expect(await electorate.followLedger('restored', counted)).toEqual({ before: 500, after: 200 });
    expect(await mark(voters[199]!, 'loi-1')).toBe('');
    expect(await mark(voters[200]!, 'loi-1')).toBeNull();
    expect(await electorate.followLedger('restored', counted)).toBeUndefined();
    await electorate.doubtMarks();
    expect(await electorate.followLedger('restored', counted)).toEqual({ before: 200, after: 200 });
  });
});

describe('an election’s keys', () => {
  const document = (id: string): PublishedElection => ({
    id,
    title: { fr: 'Essai', en: 'Trial' },
    laws: [{ id: 'loi-1', title: { fr: 'Une', en: 'One' } }],
    opensAt: '2026-01-01T00:00:00.000Z',
    closesAt: '2027-01-01T00:00:00.000Z',
    results: 'live',
    recordClients: false,
    luhn: false,
    suspended: false,
    eligible: 500,
    layout: source.layout,
  });

  it('hold its document, which is checked before it is published', async () => {
    expect(await electorate.published()).toBeUndefined();
    const election = document(electorate.electionId);
    await electorate.publish(election);
    expect(await electorate.published()).toEqual(election);
    await expect(electorate.publish({ ...election, laws: [] })).rejects.toThrow();
  });

  it('are all removed with it, and no other election’s', async () => {
    const other = new Electorate(redis, `${electorate.electionId}-2`);
    await other.begin(source);
    await other.add(voters);
    await other.finish();
    await load();
    await electorate.restoreMarks(marks('loi-1', voters));
    await electorate.publish(document(electorate.electionId));
    await electorate.remove();
    expect(await keys()).toEqual([]);
    expect(await other.audit()).toEqual({ ok: true, counted: 500 });
    await other.remove();
  });

  it('are spread over a Redis Cluster, and found and removed on all its nodes', async () => {
    const { nodes, stop } = await startCluster(2);
    const cluster = await connectCluster(nodes);
    const there = new Electorate(cluster, 'demo');
    const spread = { ...source, layout: { shards: 8, bucketBits: 1 } };
    await there.begin(spread);
    expect(await there.add(voters)).toBe(500);
    await there.checkpoint(500, 0);
    await there.finish();
    await there.restoreMarks(marks('loi-1', voters));
    expect(await there.audit()).toEqual({ ok: true, counted: 500 });
    const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(await there.begin({ ...spread, digest: '0e'.repeat(32) })).toMatchObject({ eligible: 0 });
    await there.remove();
    expect(await Promise.all(cluster.nodes('master').map((node) => node.dbsize()))).toEqual([0, 0]);
    cluster.disconnect();
    await stop();
  }, 120_000);
});
