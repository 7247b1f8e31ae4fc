import pg from 'pg';
import type { Log } from './log.ts';

export interface PostgresOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  /** The role that every session takes on, so that a stage has only that role's rights. */
  role?: string | undefined;
  /** Connections at the most. */
  max?: number;
  /** A statement that takes longer fails. Milliseconds. */
  statementTimeout?: number;
  log: Log;
}

/** PostgreSQL errors after which the same transaction may be tried again (appendix A of its manual). */
const RETRYABLE: Record<string, string> = {
  '40001': 'serialization_failure',
  '40P01': 'deadlock_detected',
  '53000': 'insufficient_resources',
  '53100': 'disk_full',
  '53200': 'out_of_memory',
  '53300': 'too_many_connections',
  '55P03': 'lock_not_available',
  '57014': 'query_canceled',
  '57P01': 'admin_shutdown',
  '57P02': 'crash_shutdown',
  '57P03': 'cannot_connect_now',
  '08000': 'connection_exception',
  '08003': 'connection_does_not_exist',
  '08006': 'connection_failure',
};

/** True unless the server refused the statement itself, which another try would not change. */
export function isRetryable(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  // Without an SQLSTATE it was the connection: refused, reset, timed out.
  return typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || code in RETRYABLE;
}

/** A pool that survives a restart of the server; a broken idle connection is dropped with one log line. */
export function connectPostgres(options: PostgresOptions): pg.Pool {
  const { url, name, role, max = 4, statementTimeout = 30_000, log } = options;
  if (role !== undefined && !/^[a-z_][a-z0-9_]*$/.test(role))
    throw new RangeError(`not a role's name: ${role}`);
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 5_000,
    keepAlive: true,
    ...(role !== undefined && { options: `-c role=${role}` }),
  });
  pool.on('error', (error) => log.warn({ err: error }, 'PostgreSQL closed an idle connection'));
  return pool;
}
