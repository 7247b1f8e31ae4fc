import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { type FreshLedger, freshLedger } from './testing/fresh-ledger.ts';

const VOTER = `decode(repeat('ab', 32), 'hex')`;

let ledger: FreshLedger;
let writer: pg.Pool;
let reader: pg.Pool;
beforeAll(async () => {
  ledger = await freshLedger(['loi-1', 'loi-2']);
  writer = ledger.connectAs('scrutin_writer', 1);
  reader = ledger.connectAs('scrutin_reader', 1);
});
afterAll(() => ledger.drop());

/** Runs statements on one connection and takes them back. */
async function undone(pool: pg.Pool, ...statements: string[]): Promise<pg.QueryResultRow[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    let rows: pg.QueryResultRow[] = [];
    for (const text of statements) rows = (await client.query(text)).rows;
    return rows;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

describe('the ledger’s checks', () => {
  test.each([
    ['sums that do not add up', `update vote_results set oui_count = 1 where law_id = 'loi-1'`],
    ['a negative sum', `update vote_results set oui_count = -1, non_count = 1 where law_id = 'loi-1'`],
    ['a law id of another shape', `insert into vote_results (law_id) values ('loi:1')`],
    ['a voter that is no hash', `insert into participation values ('loi-1', '\\x00')`],
    [
      'an unknown status',
      `insert into vote_audit (ballot_id, law_id, status) values (gen_random_uuid(), 'loi-1', 'pending')`,
    ],
    ['no attempts', `insert into duplicate_attempts values ('loi-1', ${VOTER}, 0, now(), now())`],
    [
      'a last attempt before the first',
      `insert into duplicate_attempts values ('loi-1', ${VOTER}, 1, now(), now() - interval '1 s')`,
    ],
    [
      'more than 20 addresses',
      `insert into duplicate_attempts values ('loi-1', ${VOTER}, 1, now(), now(), (select jsonb_agg(n) from generate_series(1, 21) n))`,
    ],
    [
      'an election that is closed without a digest',
      `insert into election (id, document, phase, closed_at) values ('e', '{}', 'Closed', now())`,
    ],
  ])('refuse %s', async (_what, text) => {
    await expect(undone(ledger.pool, text)).rejects.toMatchObject({ code: '23514' });
  });

  test.each([
    [
      'a second row of one voter and law',
      `insert into participation values ('loi-1', ${VOTER}), ('loi-1', ${VOTER})`,
    ],
    [
      'a second election',
      `insert into election (id, document, phase) values ('a', '{}', 'Open'), ('b', '{}', 'Open')`,
    ],
  ])('refuse %s', async (_what, text) => {
    await expect(undone(ledger.pool, text)).rejects.toMatchObject({ code: '23505' });
  });
});

test('no table or view has both a voter and a choice, nor a voter and a ballot (P5)', async () => {
  const { rows } = await ledger.pool.query<{ table_name: string; columns: string[] }>(
    `select table_name, array_agg(column_name::text) as columns from information_schema.columns
     where table_schema = 'public' group by table_name`,
  );
  const of = (columns: string[], pattern: RegExp) => columns.filter((column) => pattern.test(column));
  const linking = rows.filter(
    ({ columns }) =>
      of(columns, /voter|hash/).length > 0 && of(columns, /oui|non_|choice|^vote$|ballot/).length > 0,
  );
  expect(linking).toEqual([]);
  const choosing = rows.filter(({ columns }) => of(columns, /oui|non_|choice|^vote$/).length > 0);
  expect(choosing.map(({ table_name }) => table_name).sort()).toEqual(['vote_results', 'vote_summary']);
});

test('every table, view and running total says what it is', async () => {
  const { rows } = await ledger.pool.query(
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
     and relname <> 'migrations' and obj_description(oid, 'pg_class') is null`,
  );
  expect(rows).toEqual([]);
  const totals = await ledger.pool.query<{ name: string }>(
    `select name from system_stats where value = 0 and length(description) > 10 order by name`,
  );
  expect(totals.rows.map(({ name }) => name)).toEqual([
    'ballots_recorded',
    'batches_recorded',
    'ledger_bytes',
    'votes_counted',
    'votes_duplicate',
    'votes_invalid',
    'votes_redelivered',
    'votes_reviewed',
  ]);
});

test('updated_at follows every update and never runs backwards', async () => {
  const [before] = (await ledger.pool.query(`select updated_at from vote_results where law_id = 'loi-2'`))
    .rows;
  const [after] = await undone(
    ledger.pool,
    `update vote_results set oui_count = 1, total_votes = 1, updated_at = 'epoch' where law_id = 'loi-2'`,
    `select updated_at from vote_results where law_id = 'loi-2'`,
  );
  expect(after!.updated_at.getTime()).toBeGreaterThanOrEqual(before.updated_at.getTime());
});

test('metadata is found through its partial index', async () => {
  const plan = await undone(
    ledger.pool,
    'set local enable_seqscan = off',
    `explain select from vote_audit where metadata @> '{"decided_by": "tally"}'`,
  );
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('vote_audit_metadata');
});

describe('the views', () => {
  const fill = [
    `insert into election (id, document, phase, eligible) values ('e', '{}', 'Open', 12)`,
    `update vote_results set oui_count = 2, non_count = 1, total_votes = 3 where law_id = 'loi-1'`,
  ];

  test('vote_summary has percentages and turnout', async () => {
    expect(
      await undone(
        ledger.pool,
        ...fill,
        `select law_id, total_votes, oui_percent, non_percent, eligible, turnout_percent from vote_summary`,
      ),
    ).toEqual([
      {
        law_id: 'loi-1',
        total_votes: '3',
        oui_percent: '66.67',
        non_percent: '33.33',
        eligible: '12',
        turnout_percent: '25.00',
      },
      {
        law_id: 'loi-2',
        total_votes: '0',
        oui_percent: '0',
        non_percent: '0',
        eligible: '12',
        turnout_percent: '0.00',
      },
    ]);
  });

  test('vote_summary knows no turnout before the electorate is loaded', async () => {
    expect(
      await undone(ledger.pool, `select eligible, turnout_percent from vote_summary where law_id = 'loi-1'`),
    ).toEqual([{ eligible: null, turnout_percent: null }]);
  });

  test('recent_audit_entries has the 1000 newest, newest first', async () => {
    const rows = await undone(
      ledger.pool,
      `insert into vote_audit (ballot_id, law_id, status)
       select gen_random_uuid(), 'loi-1', 'aggregated' from generate_series(1, 1010)`,
      'select id from recent_audit_entries',
    );
    const ids = rows.map((row) => Number(row.id));
    expect(ids).toHaveLength(1_000);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
  });

  test('top_duplicate_attempts has the 100 with the most attempts, and no voter hash', async () => {
    const rows = await undone(
      ledger.pool,
      `insert into duplicate_attempts
       select 'loi-1', decode(repeat(lpad(to_hex(n), 4, '0'), 16), 'hex'), n, now(), now(), '["192.0.2.1"]'
       from generate_series(1, 120) n`,
      'select * from top_duplicate_attempts',
    );
    expect(rows).toHaveLength(100);
    expect(rows.map((row) => Number(row.attempt_count))).toEqual(
      Array.from({ length: 100 }, (_, i) => 120 - i),
    );
    expect(rows[0]).toMatchObject({ voter_prefix: '00780078', ip_address_count: 1, user_agent_count: 0 });
    expect(JSON.stringify(rows)).not.toMatch(/[0-9a-f]{16}|192\.0\.2\.1/);
  });
});

describe('the roles', () => {
  const all = (text: string) => text.trim().split(/\s*\n\s*/);

  test.each(
    all(`
      insert into participation values ('loi-1', ${VOTER})
      insert into vote_audit (ballot_id, law_id, status, metadata) values (gen_random_uuid(), 'loi-1', 'invalid', null)
      update vote_audit set status = 'aggregated', metadata = '{}' where ballot_id = gen_random_uuid()
      update vote_results set oui_count = oui_count + 1, total_votes = total_votes + 1
      update system_stats set value = value + 1 where name = 'votes_counted'
      select pg_database_size(current_database())
    `),
  )('let the writer record: %s', async (text) => {
    await undone(writer, text);
  });

  test.each(
    all(`
      select document from election
      update election set phase = 'Closed'
      delete from participation
      update participation set law_id = 'loi-2'
      delete from vote_audit
      update vote_audit set law_id = 'loi-2'
      select metadata from vote_audit
      insert into vote_results (law_id) values ('loi-3')
      delete from vote_results
      update vote_results set updated_at = 'epoch'
      delete from system_stats
      update system_stats set description = 'x'
      select instance from processing_queue_stats
      update processing_queue_stats set messages = 0
      truncate participation
      select name from migrations
      create table mine (n integer)
      create temp table mine (n integer)
    `),
  )('keep the writer from what is not its work: %s', async (text) => {
    await expect(undone(writer, text)).rejects.toMatchObject({ code: '42501' });
  });

  test.each(
    all(`
      select * from vote_summary
      select * from vote_results
      select * from election
      select * from recent_audit_entries
      select * from top_duplicate_attempts
      select law_id, count(*) from participation group by law_id
      select status, metadata from vote_audit where ballot_id = gen_random_uuid()
      select law_id, sum(attempt_count) from duplicate_attempts group by law_id
      select * from system_stats
      select * from processing_queue_stats
    `),
  )('let the reader read: %s', async (text) => {
    await undone(reader, text);
  });

  test.each(
    all(`
      select voter from participation
      select voter from duplicate_attempts
      select ip_addresses from duplicate_attempts
      select user_agents from duplicate_attempts
      select name from migrations
      insert into participation values ('loi-1', ${VOTER})
      update vote_results set oui_count = 1, total_votes = 1
      insert into vote_audit (ballot_id, law_id, status) values (gen_random_uuid(), 'loi-1', 'invalid')
      update system_stats set value = 0
      update election set phase = 'Closed'
      delete from processing_queue_stats
      create table mine (n integer)
      create temp table mine (n integer)
    `),
  )('keep the reader from writing and from voters: %s', async (text) => {
    await expect(undone(reader, text)).rejects.toMatchObject({ code: '42501' });
  });
});
