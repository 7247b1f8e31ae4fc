import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createLog } from './log.ts';
import { connectPostgres, isDataFault, isRetryable, readStatement } from './postgres.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until } from './testing/virtual-host.ts';

const SERVER = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const log = createLog({ stage: 'test', level: 'silent', format: 'json' });

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('telling what another try can change', () => {
  let pool: pg.Pool;
  beforeAll(() => {
    pool = connectPostgres({ url: SERVER, name: 'postgres test', max: 1, log });
  });
  afterAll(() => pool.end());

  test.each([
    ['a value of another type', `select 'x'::integer`],
    ['a number out of range', 'select 1::smallint + 40000::smallint'],
    ['a NUL in JSON', `select '"\\u0000"'::jsonb`],
    ['a check that fails', `do $$ begin raise check_violation; end $$`],
  ])('%s is the statement’s fault', async (_what, text) => {
    const error = await failure(pool.query(text));
    expect(isDataFault(error)).toBe(true);
    expect(isRetryable(error)).toBe(false);
  });

  test.each([
    ['a missing table', 'select from nowhere'],
    ['a deadlock', `do $$ begin raise deadlock_detected; end $$`],
    ['a standby', `do $$ begin raise read_only_sql_transaction; end $$`],
    ['a cancelled statement', `do $$ begin raise query_canceled; end $$`],
  ])('%s is not', async (_what, text) => {
    const error = await failure(pool.query(text));
    expect(error).toBeInstanceOf(Error);
    expect(isRetryable(error)).toBe(true);
  });

  test('a session that can’t start is not, whatever its code', async () => {
    const nobody = connectPostgres({ url: SERVER, name: 'postgres test', role: 'scrutin_nobody', log });
    const error = await failure(nobody.query('select 1'));
    await nobody.end();
    expect(error).toMatchObject({ severity: 'FATAL', code: '22023' });
    expect(isRetryable(error)).toBe(true);
  });

  test('a server that is away is not', async () => {
    const url = new URL(SERVER);
    url.port = '1';
    const away = connectPostgres({ url: url.href, name: 'postgres test', log });
    expect(isRetryable(await failure(away.query('select 1')))).toBe(true);
    await away.end();
  });
});

describe('a pool', () => {
  test('refuses what is not a role’s name', () => {
    expect(() => connectPostgres({ url: SERVER, name: 'test', role: 'a -c b=c', log })).toThrow(RangeError);
  });

  test('works again after the server closed its connections, idle and busy', async () => {
    const proxy = await TcpProxy.to(SERVER);
    const pool = connectPostgres({ url: proxy.through(SERVER), name: 'postgres test', max: 2, log });
    const straight = connectPostgres({ url: SERVER, name: 'postgres test', max: 1, log });
    await pool.query('select 1');
    proxy.cut();
    await pool.query('select 1').catch(() => {});
    const sleep = `select pg_sleep(25) as "${randomUUID()}"`;
    const busy = failure(pool.query(sleep));
    const sessions = async (column: string) =>
      (await straight.query(`select ${column} from pg_stat_activity where query = $1`, [sleep])).rowCount;
    await until('the server is at work', async () => (await sessions('pid')) === 1);
    proxy.cut();
    expect(isRetryable(await busy)).toBe(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await sessions('pg_terminate_backend(pid)');
    await Promise.all([pool.end(), straight.end()]);
    await proxy.close();
  });

  test('has a statement that takes too long cancelled', async () => {
    const pool = connectPostgres({ url: SERVER, name: 'postgres test', statementTimeout: 50, log });
    const error = await failure(pool.query('select pg_sleep(5)'));
    await pool.end();
    expect(error).toMatchObject({ code: '57014' });
  });

  test('has a transaction that stands still ended, so that nobody waits for its locks', async () => {
    const pool = connectPostgres({ url: SERVER, name: 'postgres test', statementTimeout: 20_000, log });
    const { rows } = await pool.query<{ limit: string }>(
      `select current_setting('idle_in_transaction_session_timeout') as limit`,
    );
    await pool.end();
    expect(rows[0]!.limit).toBe('30s');
  });
});

test('a statement is named after its file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'statement-'));
  writeFileSync(join(folder, 'count-votes.sql'), 'select 1');
  expect(readStatement(pathToFileURL(join(folder, 'count-votes.sql')))).toEqual({
    name: 'count-votes',
    text: 'select 1',
  });
  rmSync(folder, { recursive: true });
});
