import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import { management, until as untilWithin } from '@scrutin/shared/testing/virtual-host.ts';
import { virtualHost } from '@scrutin/shared/topology.ts';
import { Redis } from 'ioredis';
import pg from 'pg';
import { LocalOperator, SERVERS } from './local/testing/local-operator.ts';

/** A look of the operator, and its start, take seconds on a machine that is busy. */
const until = (what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000) =>
  untilWithin(what, holds, timeoutMs);

let operator: LocalOperator;
let redis: Redis;
beforeEach(() => {
  redis = new Redis(SERVERS.REDIS_URL);
});
afterEach(async () => {
  await operator.remove();
  redis.disconnect();
});

const keys = async (pattern: string): Promise<string[]> => {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, some] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    for (const key of some) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
};
const shard = () => redisKeys.shard(operator.electionId, '*');
const queuePath = (queue: string) => `/queues/${virtualHost(operator.electionId)}/${queue}`;

/** Counts votes for and against the first law, as the aggregation does. */
async function count(oui: number, non: number): Promise<void> {
  const client = new pg.Client({ connectionString: operator.databaseUrl });
  await client.connect();
  const total = oui + non;
  await client.query(
    `insert into participation select 'loi-1', sha256(n::text::bytea) from generate_series(1, ${total}) n`,
  );
  await client.query(
    `insert into vote_audit (ballot_id, law_id, status)
     select gen_random_uuid(), 'loi-1', 'aggregated' from generate_series(1, ${total})`,
  );
  await client.query(
    `update vote_results set oui_count = ${oui}, non_count = ${non}, total_votes = ${total} where law_id = 'loi-1'`,
  );
  await client.query(
    `update system_stats set value = ${total} where name in ('votes_counted', 'ballots_recorded')`,
  );
  await client.end();
}

describe('the operator of one machine', () => {
  it('prepares and opens an election from its file, repairs what is lost, and ends in order', async () => {
    operator = new LocalOperator(500);
    operator.write();
    operator.start();
    const status = await operator.untilPhase('Open');
    expect(status.electorate).toMatchObject({ processed: 500, unique: 500, errors: 0 });
    expect(status.conditions.every((condition) => condition.status === 'True')).toBe(true);
    await count(30, 12);

    await redis.unlink(...(await keys(`${shard()}*`)));
    await until(
      'the electorate is back',
      async () => (await operator.ports.electorate.sound())?.unique === 500,
    );
    const marks = await keys(`${shard()}v:loi-1:*`);
    const marked = await Promise.all(marks.map((key) => redis.hlen(key)));
    expect(marked.reduce((sum, more) => sum + more, 0)).toBe(42);
    await until(
      'the document is back',
      async () => (await operator.ports.electorate.published())?.eligible === 500,
    );

    await management('DELETE', queuePath('validation_queue'));
    await until('the queue is back', async () => {
      const queue = (await management('GET', queuePath('validation_queue'))) as { type?: string };
      return queue.type === 'quorum';
    });
    await operator.untilLogged(/queue validation_queue; binding of validation_queue/);
    const repairs = operator.lines.filter(({ reason }) => reason?.endsWith('Repaired'));
    expect(repairs.map(({ reason }) => reason)).toEqual(['ElectorateRepaired', 'TopologyRepaired']);
    expect(await operator.end()).toBe(0);
  }, 240_000);

  it('follows its file: suspended soon, and a slip of the pen is told once and changes nothing', async () => {
    operator = new LocalOperator(5);
    operator.write();
    operator.start({ RESYNC_MS: '30000' });
    await operator.untilPhase('Open');
    const suspended = (wanted: boolean) =>
      until(
        `suspended: ${wanted}`,
        async () => (await operator.ports.electorate.published())?.suspended === wanted,
      );
    operator.write({ suspend: true });
    await suspended(true);

    const good = readFileSync(operator.file, 'utf8');
    operator.writeText(`${good}\n\t- slip`);
    await operator.untilLogged(
      /election\.yaml: the document: it is not YAML.*going on with what it said before/,
    );
    operator.writeText(good.replace('suspend: true', 'suspended: false'));
    await operator.untilLogged(/spec\.suspended: there is no such field/);
    operator.writeText(good.replace(operator.electionId, 'another'));
    await operator.untilLogged(/metadata\.name is not/);
    const many = Array.from({ length: 20_000 }, (_, i) => `  k${i}: 1\n`).join('');
    for (const [hostile, told] of [
      ['['.repeat(20_000), /nested too deeply.*going on/],
      [
        good.replace('spec:\n', () => `spec:\n${many}`),
        /spec\.k0: there is no such field.*and 19980 more problems/,
      ],
      [
        good.replace('spec:\n', 'spec:\n  __proto__: {suspend: false}\n'),
        /spec\.__proto__: there is no such field/,
      ],
      [
        good.replace(/closesAt: .*/, 'closesAt: "9999-12-31T23:59:59-23:59"'),
        /spec\.closesAt: must be a moment of the years/,
      ],
      [`\0${'x'.repeat(2_000_000)}`, /larger than 1048576 bytes/],
    ] as const) {
      operator.writeText(hostile);
      await operator.untilLogged(told);
    }
    expect(operator.running).toBe(true);
    expect(await operator.ports.electorate.published()).toMatchObject({ suspended: true });

    operator.write();
    await suspended(false);
    expect(operator.lines.filter(({ msg }) => msg.includes('not YAML'))).toHaveLength(2);
  }, 240_000);

  it('closes on time, also with a broken file, with a digest that anybody can make from the database', async () => {
    operator = new LocalOperator(50);
    operator.write();
    operator.start();
    await operator.untilPhase('Open');
    await count(4, 3);
    // Past by the time that it is seen, it would be refused: people vote.
    const closesAt = Date.now() + 20_000;
    const iso = new Date(closesAt).toISOString();
    operator.write({ closesAt: iso });
    await until(
      'the end is known',
      async () => (await operator.ports.electorate.published())?.closesAt === iso,
    );
    operator.writeText('slip: [');
    // Empty queues are believed after half a minute.
    const status = await operator.untilPhase('Closed', 180_000);
    expect(Date.parse(status.closedAt!)).toBeGreaterThan(closesAt);
    expect(status).toMatchObject({
      votes: 7,
      turnout: '7.00%',
      results: [
        { lawId: 'loi-1', oui: 4, non: 3, total: 7 },
        { lawId: 'loi-2', oui: 0, non: 0, total: 0 },
      ],
    });
    const { ledger } = operator.ports;
    const published = await ledger.published();
    expect(published?.phase).toBe('Closed');
    const digest = resultDigest(resultDocument(published!.election, 50, await ledger.counts(), true));
    expect(status.digest).toBe(digest);
    expect((await ledger.closed())?.digest).toBe(digest);
  }, 300_000);

  it('killed while it loads 300,000 voters, it goes on after a new start and ends the same', async () => {
    operator = new LocalOperator(300_000);
    // Small batches: it must not come to its end between two looks.
    operator.write({ electorate: { batchSize: 100 } });
    operator.start();
    const processed = async () =>
      Number(await redis.hget(redisKeys.meta(operator.electionId, 0), 'processed'));
    await until('the load goes on', async () => (await processed()) > 5_000);
    await operator.end('SIGKILL');
    expect(await processed()).toBeLessThan(300_000);
    expect(await operator.ports.electorate.sound()).toBeUndefined();
    operator.write({ electorate: { batchSize: 2_000 } });
    operator.start();
    const { electorate } = await operator.untilPhase('Open', 120_000);
    expect(electorate).toMatchObject({ processed: 300_000, unique: 300_000, duplicates: 0, errors: 0 });
    expect(await operator.ports.electorate.sound()).toMatchObject({ unique: 300_000 });
  }, 240_000);

  it('ends a long load in order when it is stopped, without calling it a failure', async () => {
    operator = new LocalOperator(300_000);
    operator.write({ electorate: { batchSize: 100 } });
    operator.start();
    const meta = redisKeys.meta(operator.electionId, 0);
    await until('the load goes on', async () => Number(await redis.hget(meta, 'processed')) > 2_000);
    expect(await operator.end()).toBe(0);
    expect(await operator.ports.electorate.sound()).toBeUndefined();
    expect(operator.lines.filter(({ reason }) => /Failed|Interrupted/.test(reason ?? ''))).toEqual([]);
  }, 180_000);

  it('ends at once with code 2 when its file is no Election, a line a problem', async () => {
    operator = new LocalOperator(1);
    operator.writeText('kind: Poll');
    operator.start();
    await until('it has ended', () => !operator.running);
    expect(await operator.end()).toBe(2);
    expect(operator.lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining([`${operator.file}: kind: must be Election`]),
    );
  }, 120_000);
});
