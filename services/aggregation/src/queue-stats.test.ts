import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { QueueDepth } from '@scrutin/shared/queue-depths.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import type pg from 'pg';
import { QueueStats } from './queue-stats.ts';
import { type FreshLedger, freshLedger, silentLog } from './testing/ledger.ts';

let ledger: FreshLedger;
let pool: pg.Pool;
let depth: Map<QueueName, QueueDepth>;
let stats: QueueStats;
beforeEach(async () => {
  ledger = await freshLedger();
  pool = ledger.connectAs('scrutin_writer', 2);
  depth = new Map([
    [QUEUES.validation, { messages: 7, consumers: 2 }],
    [QUEUES.aggregation, { messages: 3, consumers: 1 }],
  ]);
  stats = start(3_600_000);
});
afterEach(async () => {
  await stats.stop();
  await ledger.drop();
});

const start = (intervalMs: number): QueueStats =>
  new QueueStats({
    pool,
    depths: async () => depth,
    instance: 'host:1',
    intervalMs,
    retentionHours: 24,
    log: silentLog,
  });

const rows = async () =>
  (await ledger.pool.query('select * from processing_queue_stats order by id')).rows.map(
    ({ id: _id, at: _at, interval_ms: _interval, rate: _rate, ...row }) => row,
  );
const count = async () => (await rows()).length;
const total = async (name: string) =>
  Number((await ledger.pool.query('select value from system_stats where name = $1', [name])).rows[0].value);

describe('statistics of the queues', () => {
  test('are a row per queue, with what this process did with its own', async () => {
    stats.addBatch(100, 0.01);
    stats.addBatch(50, 0.03);
    await stats.write();
    const none = { processed: null, batches: null, batch_ms_mean: null, batch_ms_max: null };
    expect(await rows()).toEqual([
      { instance: 'host:1', queue: 'validation_queue', messages: '7', consumers: 2, ...none },
      {
        instance: 'host:1',
        queue: 'aggregation_queue',
        messages: '3',
        consumers: 1,
        processed: '150',
        batches: '2',
        batch_ms_mean: 20,
        batch_ms_max: 30,
      },
      { instance: 'host:1', queue: 'review_queue', messages: null, consumers: null, ...none },
    ]);
  });

  test('count each batch in one row only, and give the rate over its interval', async () => {
    stats.addBatch(100, 0.01);
    await stats.write();
    await stats.write();
    const { rows: written } = await ledger.pool.query(
      `select processed::integer, batch_ms_mean, rate * interval_ms / 1000 as votes
       from processing_queue_stats where queue = 'aggregation_queue' order by id`,
    );
    expect(written).toEqual([
      { processed: 100, batch_ms_mean: 10, votes: expect.closeTo(100, 6) },
      { processed: 0, batch_ms_mean: null, votes: 0 },
    ]);
  });

  test('that can’t be written now are told with the next ones', async () => {
    stats.addBatch(100, 0.01);
    stats.addReviewed(2);
    await ledger.pool.query('alter table processing_queue_stats rename to away');
    await stats.write();
    stats.addBatch(20, 0.01);
    await ledger.pool.query('alter table away rename to processing_queue_stats');
    await stats.write();
    expect((await rows())[1]).toMatchObject({ processed: '120', batches: '2' });
    expect(await total('votes_reviewed')).toBe(2);
  });

  test('keep the running totals that no batch writes', async () => {
    stats.addReviewed(3);
    await stats.write();
    await stats.write();
    expect(await total('votes_reviewed')).toBe(3);
    expect(await total('ledger_bytes')).toBeGreaterThan(1_000_000);
  });

  test('are deleted when they are older than the retention, many at a time', async () => {
    await ledger.pool.query(
      `insert into processing_queue_stats (at, instance, queue, interval_ms)
       select now() - make_interval(hours => h), 'host:0', 'validation_queue', 1000
       from generate_series(1, 25) h, generate_series(1, 1200) n where h in (1, 23, 25)`,
    );
    await stats.write();
    expect(await count()).toBe(2 * 1_200 + 3);
  });

  test('are written every interval, and once more at the end', async () => {
    const quick = start(20);
    await until('two intervals are written', async () => (await count()) >= 6);
    quick.addBatch(5, 0.01);
    await quick.stop();
    const end = await rows();
    expect(end.reduce((sum, row) => sum + Number(row.processed), 0)).toBe(5);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await count()).toBe(end.length);
  });
});
