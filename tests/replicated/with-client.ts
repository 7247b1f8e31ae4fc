import { within } from '@scrutin/shared/testing/within.ts';
import pg from 'pg';

/** Runs `work` with a connection of its own to a PostgreSQL that may be lost at any time; no part of it waits for long. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await within('a connection to PostgreSQL is closed', client.end(), 2_000).catch(() => {});
  }
}

/** Connections to a PostgreSQL that may be lost while they are idle, or closing: that is not the test's end. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 60_000 });
  pool.on('error', () => {});
  return pool;
}
