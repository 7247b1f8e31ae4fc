import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createLog } from './log.ts';
import { connectPostgres } from './postgres.ts';
import { type PostgresWatch, watchPostgres } from './postgres-watch.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until } from './testing/virtual-host.ts';

const SERVER = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const log = createLog({ stage: 'test', level: 'silent', format: 'json' });

let proxy: TcpProxy;
let pool: pg.Pool;
let watch: PostgresWatch;
let calls: { name: string; ok: boolean }[];
beforeEach(async () => {
  calls = [];
  proxy = await TcpProxy.to(SERVER);
  pool = connectPostgres({ url: proxy.through(SERVER), name: 'watch test', max: 2, log });
  watch = watchPostgres(pool, (name, seconds, ok) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    calls.push({ name, ok });
  });
});
afterEach(async () => {
  await pool.end();
  await proxy.close();
});

const ended = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

describe('watching PostgreSQL', () => {
  test('tells each statement’s name and end, over the pool and over a client, and changes no answer', async () => {
    expect(watch.up).toBe(false);
    expect((await pool.query({ name: 'one', text: 'select 1 as n' })).rows).toEqual([{ n: 1 }]);
    const client = await pool.connect();
    await client.query('begin');
    expect((await client.query('select $1::int as n', [2])).rows).toEqual([{ n: 2 }]);
    expect(await ended(client.query({ name: 'bad', text: 'select from nowhere' }))).toBe(false);
    await client.query('rollback');
    client.release();
    expect(calls).toEqual([
      { name: 'one', ok: true },
      { name: 'begin', ok: true },
      { name: 'other', ok: true },
      { name: 'bad', ok: false },
      { name: 'rollback', ok: true },
    ]);
    expect(watch.up).toBe(true);
  });

  test('knows that PostgreSQL is gone: by an idle connection that breaks, and by one that can’t be made', async () => {
    await pool.query('select 1');
    expect(watch.up).toBe(true);
    proxy.cut();
    await until('it is known', () => !watch.up);
    expect(await ended(pool.query('select 1'))).toBe(true);
    expect(watch.up).toBe(true);
    proxy.refuse();
    proxy.cut();
    await until('it is known again', () => !watch.up);
    expect(await ended(pool.query('select 1'))).toBe(false);
    expect(await ended(pool.connect())).toBe(false);
    expect(watch.up).toBe(false);
  });

  test('takes a refused statement for an answer, and a session that is ended for none', async () => {
    const client = await pool.connect();
    client.on('error', () => {});
    await ended(client.query('select 1/0'));
    expect(watch.up).toBe(true);
    await ended(client.query('select pg_terminate_backend(pg_backend_pid())'));
    expect(watch.up).toBe(false);
    client.release(true);
  });
});
