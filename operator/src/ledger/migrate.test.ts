import { afterEach, describe, expect, test } from '@jest/globals';
import { PG_MIGRATE_LOCK_ID } from 'node-pg-migrate';
import pg from 'pg';
import { dropLedger, migrateLedger } from './migrate.ts';
import { silentLog, unusedDatabaseUrl } from './testing/fresh-ledger.ts';

const made: string[] = [];
const unused = (): string => {
  const url = unusedDatabaseUrl();
  made.push(url);
  return url;
};
afterEach(async () => {
  for (const url of made.splice(0)) await dropLedger(url);
});

const ALL = ['0001_roles', '0002_tables', '0003_touch_updated_at', '0004_views', '0005_rights'];

async function ask<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

describe('migrating a ledger', () => {
  test('makes the database when it is absent and applies every migration in order', async () => {
    const url = unused();
    expect(await migrateLedger(url, silentLog)).toEqual(ALL);
    const rows = await ask<{ name: string }>(url, 'select name from migrations order by id');
    expect(rows.map(({ name }) => name)).toEqual(ALL);
  });

  test('done again changes nothing and loses nothing', async () => {
    const url = unused();
    await migrateLedger(url, silentLog);
    await ask(url, `insert into vote_results (law_id, oui_count, total_votes) values ('loi-1', 7, 7)`);
    await ask(url, `update system_stats set value = 7 where name = 'votes_counted'`);
    expect(await migrateLedger(url, silentLog)).toEqual([]);
    expect(await ask(url, 'select total_votes from vote_results')).toEqual([{ total_votes: '7' }]);
    expect(await ask(url, `select value from system_stats where name = 'votes_counted'`)).toEqual([
      { value: '7' },
    ]);
  });

  test('run many times at once applies each migration once', async () => {
    const url = unused();
    const runs = await Promise.all(Array.from({ length: 6 }, () => migrateLedger(url, silentLog)));
    expect(runs.flat().sort()).toEqual(ALL);
    expect(runs.filter((names) => names.length > 0)).toHaveLength(1);
  });

  test('waits for no answer without end, and goes on when it is asked again', async () => {
    const url = unused();
    await migrateLedger(url, silentLog);
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    try {
      await other.query('select pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
      await expect(migrateLedger(url, silentLog, 300)).rejects.toThrow(/timeout/);
    } finally {
      await other.end();
    }
    expect(await migrateLedger(url, silentLog)).toEqual([]);
  });

  test('many databases at once share the roles of the server', async () => {
    const urls = Array.from({ length: 4 }, unused);
    const runs = await Promise.all(urls.map((url) => migrateLedger(url, silentLog)));
    expect(runs).toEqual(urls.map(() => ALL));
  });

  test('says in the error what is wrong when the server can’t be reached', async () => {
    const url = new URL(unusedDatabaseUrl());
    url.port = '1';
    await expect(migrateLedger(url.href, silentLog)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('dropping a ledger', () => {
  test('removes the database though somebody is connected, and again is no error', async () => {
    const url = unused();
    await migrateLedger(url, silentLog);
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    await dropLedger(url);
    await dropLedger(url);
    await client.end();
    await expect(ask(url, 'select 1')).rejects.toMatchObject({ code: '3D000' });
  });
});
