import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dropLedger, migrateLedger } from '@scrutin/operator/ledger/migrate.ts';
import { createLog } from '@scrutin/shared/log.ts';
import pg from 'pg';
import { backupDatabase, databaseUrl, restoreDatabase, sessionsIn } from './database-backup.ts';
import { fileDigest, PostgresTools } from './postgres-tools.ts';

const SERVER = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const log = createLog({ stage: 'test', level: 'silent' });
const tools = new PostgresTools(SERVER, undefined);

let database: string;
let url: string;
let folder: string;
let path: string;
const made: string[] = [];

beforeEach(async () => {
  database = `test_backup_${randomBytes(4).toString('hex')}`;
  made.push(database);
  url = databaseUrl(SERVER, database);
  folder = mkdtempSync(join(tmpdir(), 'scrutin-backup-'));
  path = join(folder, 'election.dump');
  await migrateLedger(url, log);
  await count('loi-1', 2);
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const name of made.splice(0)) await dropLedger(databaseUrl(SERVER, name));
});

async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Counts `votes` oui on a law the way the tally does. */
async function count(law: string, votes: number) {
  await query(
    `insert into vote_results (law_id, oui_count, total_votes) values ($1, $2, $2)
     on conflict (law_id) do update set oui_count = vote_results.oui_count + $2, total_votes = vote_results.total_votes + $2`,
    [law, votes],
  );
  await query(
    'insert into participation select $1, sha256(random()::text::bytea) from generate_series(1, $2::int)',
    [law, votes],
  );
  await query(
    `insert into vote_audit (ballot_id, law_id, status) select gen_random_uuid(), $1, 'aggregated' from generate_series(1, $2::int)`,
    [law, votes],
  );
  await query(
    `update system_stats set value = value + $1 where name in ('ballots_recorded', 'votes_counted')`,
    [votes],
  );
}

const total = async () =>
  (await query<{ n: string }>('select sum(total_votes) as n from vote_results'))[0]!.n;

describe('backup and restore', () => {
  test('bring back exactly what was saved, and keep what was there before', async () => {
    const backup = await backupDatabase(tools, database, path);
    expect(backup.digest).toBe(await fileDigest(path));
    expect(readFileSync(`${path}.sha256`, 'utf8')).toBe(`${backup.digest}  election.dump\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    await count('loi-1', 5);
    const restored = await restoreDatabase(tools, SERVER, database, path);
    made.push(restored.before!);
    expect(restored).toMatchObject({ checksum: 'verified', counts: [{ lawId: 'loi-1', oui: 2, total: 2 }] });
    expect(await total()).toBe('2');
    const kept = new pg.Client({ connectionString: databaseUrl(SERVER, restored.before!) });
    await kept.connect();
    expect((await kept.query('select sum(total_votes) as n from vote_results')).rows[0]).toEqual({ n: '7' });
    await kept.end();
    // The restored database is a working one: the rights of the stages came along.
    expect(
      await query('select has_table_privilege($1, $2, $3) as may', [
        'scrutin_writer',
        'participation',
        'insert',
      ]),
    ).toEqual([{ may: true }]);
    expect(
      await query(
        `select has_database_privilege('scrutin_writer', $1, 'connect') as writer,
        has_database_privilege('public', $1, 'connect') as everybody`,
        [database],
      ),
    ).toEqual([{ writer: true, everybody: false }]);
  });

  test('bring a database back that is gone', async () => {
    await backupDatabase(tools, database, path);
    await dropLedger(url);
    expect(await restoreDatabase(tools, SERVER, database, path)).toMatchObject({ before: undefined });
    expect(await total()).toBe('2');
  });

  test('refuse a file that is not what was saved, and change nothing', async () => {
    await backupDatabase(tools, database, path);
    appendFileSync(path, 'x');
    await expect(restoreDatabase(tools, SERVER, database, path)).rejects.toThrow('is not what was saved');
    rmSync(`${path}.sha256`);
    writeFileSync(path, readFileSync(path).subarray(0, 2_000));
    await expect(restoreDatabase(tools, SERVER, database, path)).rejects.toThrow();
    expect(await total()).toBe('2');
  });

  test('refuse a backup that contradicts itself, and change nothing', async () => {
    await query(`delete from participation where ctid in (select ctid from participation limit 1)`);
    await backupDatabase(tools, database, path);
    await count('loi-1', 1);
    await expect(restoreDatabase(tools, SERVER, database, path)).rejects.toThrow('contradicts itself');
    expect(await total()).toBe('3');
  });

  test('refuse to save what is no election’s database', async () => {
    await query('drop table participation cascade');
    await expect(backupDatabase(tools, database, path)).rejects.toThrow('lacks the data of participation');
    expect(existsSync(path)).toBe(false);
  });

  test('know who works with a database', async () => {
    expect(await sessionsIn(SERVER, database)).toBe(0);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect(await sessionsIn(SERVER, database)).toBe(1);
    await client.end();
  });
});
