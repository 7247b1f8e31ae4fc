import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import type pg from 'pg';
import { recordBatch } from './record-batch.ts';
import { type FreshLedger, freshLedger, Ledger } from './testing/ledger.ts';
import { ballotOf, duplicate, invalid, validated, voterOf } from './testing/votes.ts';

let ledger: FreshLedger;
let pool: pg.Pool;
beforeEach(async () => {
  ledger = await freshLedger(['loi-1', 'loi-2']);
  pool = ledger.connectAs('scrutin_writer');
});
afterEach(async () => {
  const { problems } = await new Ledger(ledger.pool).invariants();
  await ledger.drop();
  expect(problems).toEqual([]);
});

const record = (...votes: DecidedVote[]) => recordBatch(pool, votes);

const sums = async () =>
  Object.fromEntries(
    (await ledger.pool.query('select law_id, oui_count, non_count from vote_results')).rows.map(
      ({ law_id, oui_count, non_count }) => [law_id, [Number(oui_count), Number(non_count)]],
    ),
  );

const statusOf = async (ballot: string) =>
  (
    await ledger.pool.query('select status, metadata from vote_audit where ballot_id = $1', [
      ballotOf(ballot),
    ])
  ).rows[0];

const attemptsOf = async (voter: string, law = 'loi-1') =>
  (
    await ledger.pool.query(
      `select attempt_count::integer, first_attempt_at, last_attempt_at, ip_addresses, user_agents
       from duplicate_attempts where voter = decode($1, 'hex') and law_id = $2`,
      [voterOf(voter), law],
    )
  ).rows[0];

const totals = async () =>
  Object.fromEntries(
    (await ledger.pool.query('select name, value from system_stats')).rows.map(({ name, value }) => [
      name,
      Number(value),
    ]),
  );

describe('a batch of first votes', () => {
  test('is counted per law and choice, and each ballot is on record', async () => {
    const votes = [
      validated({ ballot: 'a' }),
      validated({ ballot: 'b', choice: 'non' }),
      validated({ ballot: 'c' }),
      validated({ ballot: 'a2', voter: 'a', law: 'loi-2', choice: 'non' }),
    ];
    expect(await record(...votes)).toEqual({
      counted: votes,
      duplicates: 0,
      invalid: 0,
      redelivered: 0,
      unknown: [],
    });
    expect(await sums()).toEqual({ 'loi-1': [2, 1], 'loi-2': [0, 1] });
    for (const ballot of ['a', 'b', 'c', 'a2'])
      expect(await statusOf(ballot)).toEqual({ status: 'aggregated', metadata: null });
    expect(await totals()).toMatchObject({ votes_counted: 4, ballots_recorded: 4, batches_recorded: 1 });
  });

  test('with invalid ones among them counts the others', async () => {
    expect(
      await record(
        invalid({ ballot: 'x' }),
        validated({ ballot: 'a' }),
        invalid({ ballot: 'y', law: 'loi-2' }),
      ),
    ).toMatchObject({ invalid: 2, counted: [{ ballot_id: ballotOf('a') }] });
    expect(await sums()).toEqual({ 'loi-1': [1, 0], 'loi-2': [0, 0] });
    expect(await statusOf('x')).toEqual({ status: 'invalid', metadata: { decided_by: 'filter' } });
    expect(await totals()).toMatchObject({ votes_invalid: 2, votes_counted: 1 });
  });

  test('may hold nothing that counts, and may be empty', async () => {
    await record(invalid({ ballot: 'x' }));
    await record();
    expect(await totals()).toMatchObject({ votes_invalid: 1, batches_recorded: 2 });
  });
});

describe('a ballot delivered again', () => {
  test('after its commit changes nothing', async () => {
    const votes = [
      validated({ ballot: 'a' }),
      duplicate({ ballot: 'b', voter: 'a', ip: '192.0.2.1' }),
      invalid({ ballot: 'x' }),
    ];
    await record(...votes);
    const before = [await sums(), await attemptsOf('a'), await statusOf('a'), await statusOf('b')];
    expect(await record(...votes)).toEqual({
      counted: [],
      duplicates: 0,
      invalid: 0,
      redelivered: 3,
      unknown: [],
    });
    expect([await sums(), await attemptsOf('a'), await statusOf('a'), await statusOf('b')]).toEqual(before);
    expect(await totals()).toMatchObject({ votes_redelivered: 3, ballots_recorded: 3 });
  });

  test('within its batch is counted once', async () => {
    expect(await record(validated({ ballot: 'a' }), validated({ ballot: 'a' }))).toMatchObject({
      redelivered: 1,
    });
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
    expect(await attemptsOf('a')).toBeUndefined();
  });

  test('with another choice stays the first', async () => {
    await record(validated({ ballot: 'a', choice: 'oui' }));
    await record(validated({ ballot: 'a', choice: 'non' }));
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
  });

  test('as a duplicate, because the filter had lost its mark, stays counted (P3)', async () => {
    await record(validated({ ballot: 'a' }));
    expect(await record(duplicate({ ballot: 'a' }))).toMatchObject({ duplicates: 0, redelivered: 1 });
    expect(await statusOf('a')).toMatchObject({ status: 'aggregated' });
    expect(await attemptsOf('a')).toBeUndefined();
  });

  test('as invalid stays what it was', async () => {
    await record(validated({ ballot: 'a' }), duplicate({ ballot: 'b', voter: 'a' }));
    await record(invalid({ ballot: 'a' }), invalid({ ballot: 'b' }));
    expect(await statusOf('a')).toMatchObject({ status: 'aggregated' });
    expect(await statusOf('b')).toMatchObject({ status: 'duplicate' });
  });
});

describe('a second ballot of one voter on one law', () => {
  test('in the same batch is a duplicate', async () => {
    expect(
      await record(
        validated({ ballot: 'a', voter: 'v' }),
        validated({ ballot: 'b', voter: 'v', choice: 'non' }),
      ),
    ).toMatchObject({ counted: [{ ballot_id: ballotOf('a') }], duplicates: 1 });
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
    expect(await statusOf('b')).toEqual({ status: 'duplicate', metadata: { decided_by: 'tally' } });
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 1 });
  });

  test('that the filter let through is found by the tally (P2)', async () => {
    await record(validated({ ballot: 'a', voter: 'v' }));
    await record(validated({ ballot: 'b', voter: 'v', ip: '192.0.2.7', agent: 'curl' }));
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
    expect(await attemptsOf('v')).toMatchObject({
      attempt_count: 1,
      ip_addresses: ['192.0.2.7'],
      user_agents: ['curl'],
    });
  });

  test('of a voter restored from a backup without audit is a duplicate', async () => {
    await ledger.pool.query(
      `with restored as (insert into participation values ('loi-1', decode($1, 'hex'))),
         audited as (insert into vote_audit (ballot_id, law_id, status) values (gen_random_uuid(), 'loi-1', 'aggregated')),
         counted as (update system_stats set value = 1 where name in ('votes_counted', 'ballots_recorded'))
       update vote_results set oui_count = 1, total_votes = 1 where law_id = 'loi-1'`,
      [voterOf('v')],
    );
    await record(validated({ ballot: 'b', voter: 'v' }), validated({ ballot: 'c' }));
    expect(await sums()).toMatchObject({ 'loi-1': [2, 0] });
    expect(await statusOf('b')).toMatchObject({ status: 'duplicate' });
  });

  test('counts on another law', async () => {
    await record(validated({ ballot: 'a', voter: 'v' }));
    await record(validated({ ballot: 'b', voter: 'v', law: 'loi-2' }));
    expect(await sums()).toEqual({ 'loi-1': [1, 0], 'loi-2': [1, 0] });
  });

  test('and more of them are summed up with their times and distinct clients', async () => {
    const at = (minute: number) => `2026-05-04T10:0${minute}:00.000Z`;
    await record(validated({ ballot: 'a', voter: 'v' }));
    await record(
      duplicate({ ballot: 'b', voter: 'v', at: at(3), ip: '192.0.2.1', agent: 'one' }),
      duplicate({ ballot: 'c', voter: 'v', at: at(5), ip: '192.0.2.1', agent: 'two' }),
    );
    await record(duplicate({ ballot: 'd', voter: 'v', at: at(1), ip: '192.0.2.2', agent: 'one' }));
    expect(await attemptsOf('v')).toEqual({
      attempt_count: 3,
      first_attempt_at: new Date(at(1)),
      last_attempt_at: new Date(at(5)),
      ip_addresses: ['192.0.2.1', '192.0.2.2'],
      user_agents: ['one', 'two'],
    });
  });

  test('from ever new addresses keeps 20 of them', async () => {
    for (let round = 0; round < 3; round++)
      await record(
        ...Array.from({ length: 15 }, (_, i) =>
          duplicate({ ballot: `${round} ${i}`, voter: 'v', ip: `192.0.${round}.${i}` }),
        ),
      );
    const { attempt_count, ip_addresses } = await attemptsOf('v');
    expect(attempt_count).toBe(45);
    expect(ip_addresses).toHaveLength(20);
    expect(new Set(ip_addresses).size).toBe(20);
  });
});

describe('a ballot that was called', () => {
  test('invalid and is validated later is counted', async () => {
    await record(invalid({ ballot: 'a' }));
    expect(await record(validated({ ballot: 'a', choice: 'non' }))).toMatchObject({ redelivered: 0 });
    expect(await sums()).toMatchObject({ 'loi-1': [0, 1] });
    expect(await statusOf('a')).toEqual({
      status: 'aggregated',
      metadata: { decided_by: 'tally', decided_before: 'invalid' },
    });
    expect(await totals()).toMatchObject({ votes_invalid: 0, votes_counted: 1, ballots_recorded: 1 });
  });

  test('duplicate and is validated later is counted, and its attempt taken back', async () => {
    await record(duplicate({ ballot: 'a', voter: 'v' }));
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 1 });
    await record(validated({ ballot: 'a', voter: 'v' }));
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
    expect(await attemptsOf('v')).toBeUndefined();
    expect(await totals()).toMatchObject({ votes_duplicate: 0, votes_counted: 1 });
  });

  test('duplicate, is validated later and followed by another, leaves that one’s attempt', async () => {
    await record(duplicate({ ballot: 'a', voter: 'v' }), duplicate({ ballot: 'b', voter: 'v' }));
    await record(validated({ ballot: 'a', voter: 'v' }), validated({ ballot: 'c', voter: 'v' }));
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 2 });
  });

  test('duplicate and is validated after another was counted stays a duplicate', async () => {
    await record(validated({ ballot: 'b', voter: 'v' }), duplicate({ ballot: 'a', voter: 'v' }));
    expect(await record(validated({ ballot: 'a', voter: 'v' }))).toMatchObject({
      counted: [],
      redelivered: 1,
    });
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 1 });
  });

  test('invalid and is a duplicate later is on record as one attempt', async () => {
    await record(invalid({ ballot: 'a' }));
    await record(duplicate({ ballot: 'a', voter: 'v' }));
    expect(await statusOf('a')).toEqual({
      status: 'duplicate',
      metadata: { decided_by: 'filter', decided_before: 'invalid' },
    });
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 1 });
    expect(await totals()).toMatchObject({ votes_invalid: 0, votes_duplicate: 1 });
  });
});

describe('what the tally can’t record', () => {
  test('a vote on a law that it does not have is handed back, and the others are counted', async () => {
    const strangers = [
      validated({ ballot: 'a', law: 'loi-9' }),
      duplicate({ ballot: 'b', law: 'loi-9' }),
      invalid({ ballot: 'c', law: 'loi-9' }),
    ];
    const { unknown, counted } = await record(
      strangers[0]!,
      validated({ ballot: 'd' }),
      strangers[1]!,
      strangers[2]!,
    );
    expect(unknown).toEqual(strangers);
    expect(counted).toMatchObject([{ ballot_id: ballotOf('d') }]);
    for (const ballot of ['a', 'b', 'c']) expect(await statusOf(ballot)).toBeUndefined();
    await ledger.pool.query(`insert into vote_results (law_id) values ('loi-9')`);
    await record(strangers[0]!);
    expect(await sums()).toMatchObject({ 'loi-9': [1, 0] });
  });

  test('a counted ballot id under another voter takes nobody’s vote', async () => {
    await record(validated({ ballot: 'a', voter: 'v' }));
    const { counted, redelivered } = await record(
      validated({ ballot: 'a', voter: 'w' }),
      validated({ ballot: 'b', voter: 'w', choice: 'non' }),
    );
    expect(counted).toMatchObject([{ ballot_id: ballotOf('b') }]);
    expect(redelivered).toBe(1);
    expect(await sums()).toMatchObject({ 'loi-1': [1, 1] });
    expect(await statusOf('b')).toMatchObject({ status: 'aggregated' });
  });

  test('a batch with a faulty vote is recorded not at all', async () => {
    await expect(
      record(validated({ ballot: 'a' }), duplicate({ ballot: 'b', voter: 'v', agent: 'a\0b' })),
    ).rejects.toMatchObject({ code: '22P05' });
    expect(await sums()).toMatchObject({ 'loi-1': [0, 0] });
    expect(await statusOf('a')).toBeUndefined();
    await record(validated({ ballot: 'a' }));
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
  });
});

test('a connection that has lost its prepared statements is left after one failure', async () => {
  const single = ledger.connectAs('scrutin_writer', 1);
  await recordBatch(single, [validated({ ballot: 'a' })]);
  await single.query('deallocate all');
  await expect(recordBatch(single, [validated({ ballot: 'b' })])).rejects.toMatchObject({ code: '26000' });
  await recordBatch(single, [validated({ ballot: 'b' })]);
  expect(await sums()).toMatchObject({ 'loi-1': [2, 0] });
});

describe('two aggregations at the same time', () => {
  /** Holds back what a session does to `table`, until the returned function is called. */
  async function hold(table: string): Promise<() => Promise<void>> {
    const client = await ledger.pool.connect();
    await client.query('begin');
    await client.query(`lock table ${table} in exclusive mode`);
    return async () => {
      await client.query('commit');
      client.release();
    };
  }
  const waiting = (sessions: number) =>
    until(`${sessions} sessions wait for a lock`, async () => {
      const { rows } = await ledger.pool.query<{ n: number }>(
        `select count(*)::integer as n from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows[0]!.n >= sessions;
    });

  test.each(['participation', 'vote_audit', 'duplicate_attempts', 'system_stats', 'vote_results'])(
    'with the same votes count each once when they meet at %s',
    async (table) => {
      const votes = [
        ...Array.from({ length: 20 }, (_, i) => validated({ ballot: `${i}` })),
        duplicate({ ballot: 'd', voter: '0' }),
        invalid({ ballot: 'x' }),
      ];
      const release = await hold(table);
      const both = Promise.all([recordBatch(pool, votes), recordBatch(pool, votes.toReversed())]);
      await waiting(2);
      await release();
      const records = await both;
      expect(records.map(({ counted }) => counted.length).toSorted((a, b) => a - b)).toEqual([0, 20]);
      expect(await sums()).toMatchObject({ 'loi-1': [20, 0] });
      expect(await attemptsOf('0')).toMatchObject({ attempt_count: 1 });
      expect(await totals()).toMatchObject({
        ballots_recorded: 22,
        votes_counted: 20,
        votes_redelivered: 22,
      });
    },
  );

  test('with a voter’s two ballots count one', async () => {
    const release = await hold('vote_audit');
    const both = Promise.all([
      record(validated({ ballot: 'a', voter: 'v' })),
      record(validated({ ballot: 'b', voter: 'v' })),
    ]);
    await waiting(2);
    await release();
    const records = await both;
    expect(records.map(({ counted }) => counted.length).toSorted()).toEqual([0, 1]);
    expect(records.map(({ duplicates }) => duplicates).toSorted()).toEqual([0, 1]);
    expect(await attemptsOf('v')).toMatchObject({ attempt_count: 1 });
  });

  test('when the first is killed before its commit, the second counts its votes', async () => {
    const release = await hold('vote_results');
    const first = recordBatch(pool, [validated({ ballot: 'a', voter: 'v' })]);
    first.catch(() => {});
    await waiting(1);
    const second = record(validated({ ballot: 'b', voter: 'v' }));
    await waiting(2);
    await ledger.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%vote_results%'`,
    );
    await expect(first).rejects.toMatchObject({ code: '57P01' });
    await release();
    expect((await second).counted).toMatchObject([{ ballot_id: ballotOf('b') }]);
    expect(await record(validated({ ballot: 'a', voter: 'v' }))).toMatchObject({
      counted: [],
      duplicates: 1,
    });
    expect(await sums()).toMatchObject({ 'loi-1': [1, 0] });
  });
});
