import { randomBytes } from 'node:crypto';
import { createLog } from '@scrutin/shared/log.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import type pg from 'pg';
import { dropLedger, migrateLedger } from '../migrate.ts';

/** Where tests find PostgreSQL; the runner sets it. */
const SERVER = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** The address of a database that nobody else uses and that is not there yet. */
export function unusedDatabaseUrl(): string {
  const url = new URL(SERVER);
  url.pathname = `/scrutin_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  return url.href;
}

export const silentLog = createLog({ stage: 'test', level: 'silent', format: 'json' });

/** A database of a test's own, with the schema and the given laws. */
export interface FreshLedger {
  url: string;
  /** Connects as the owner. */
  pool: pg.Pool;
  /** Another pool, with a role's rights; ended by {@link drop}. */
  connectAs(role: string, max?: number): pg.Pool;
  drop(): Promise<void>;
}

export async function freshLedger(laws: readonly string[] = []): Promise<FreshLedger> {
  const url = unusedDatabaseUrl();
  await migrateLedger(url, silentLog);
  const pools: pg.Pool[] = [];
  const connect = (role?: string, max = 4): pg.Pool => {
    const pool = connectPostgres({ url, name: 'scrutin test', role, max, log: silentLog });
    pools.push(pool);
    return pool;
  };
  const pool = connect();
  if (laws.length > 0)
    await pool.query('insert into vote_results (law_id) select unnest($1::text[])', [laws]);
  return {
    url,
    pool,
    connectAs: connect,
    drop: async () => {
      await Promise.all(pools.map((each) => each.end()));
      await dropLedger(url);
    },
  };
}
