import { isDataFault } from '@scrutin/shared/postgres.ts';
import type pg from 'pg';

/** Thrown by a transaction's work to have it rolled back; the connection is sound. */
export class Abandoned extends Error {
  override name = 'Abandoned';
}

/**
 * Runs `work` in a transaction on a connection of its own. Rejects with what `work` or the commit rejects
 * with; after a commit that got no answer the outcome is unknown, so `work` must be safe to repeat.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that breaks between two statements says so here; the next statement fails.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('begin isolation level read committed');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // After any other failure nobody knows what the connection is at (a time-out), or it may be the reason
    // (a prepared statement that the server has lost): it is not used again.
    const sound = error instanceof Abandoned || isDataFault(error);
    if (!sound) broken ??= error as Error;
    else await client.query('rollback').catch(onError);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
