import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
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
  /** A connection that is not used for so long is closed. Milliseconds. */
  idleTimeout?: number;
  log: Log;
}

/**
 * What the server refuses because of what the statement carries, by class of SQLSTATE (appendix A of
 * PostgreSQL's manual): 22 data exception, 23 integrity constraint violation.
 */
const DATA_FAULT = /^2[23]/;

/**
 * True if the server refused what a statement carries, so that it can never succeed as it is. Everything
 * else may pass: an outage, a deadlock, a standby that is not promoted yet, a right or a table that is
 * missing until somebody puts it there. A session that could not be started (FATAL) is no statement's fault.
 */
export function isDataFault(error: unknown): boolean {
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && code.length === 5 && DATA_FAULT.test(code) && severity === 'ERROR';
}

/** The opposite of {@link isDataFault}: the same transaction may be tried again. */
export const isRetryable = (error: unknown): boolean => !isDataFault(error);

/** A prepared statement: `name` is unique in its stage. */
export interface Statement {
  name: string;
  text: string;
}

/** Reads a statement from an `.sql` file, once, at start. `new URL('./sql/record.sql', import.meta.url)`. */
export const readStatement = (file: URL): Statement => ({
  name: basename(file.pathname, '.sql'),
  text: readFileSync(file, 'utf8'),
});

/** A pool that survives a restart of the server; a broken idle connection is dropped with one log line. */
export function connectPostgres(options: PostgresOptions): pg.Pool {
  const { url, name, role, max = 4, statementTimeout = 30_000, idleTimeout = 30_000, log } = options;
  if (role !== undefined && !/^[a-z_][a-z0-9_]*$/.test(role))
    throw new RangeError(`not a role's name: ${role}`);
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: idleTimeout,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 5_000,
    keepAlive: true,
    // A process that is stopped in the middle of a transaction must not keep the others from its rows (P6).
    idle_in_transaction_session_timeout: 30_000,
    ...(role !== undefined && { options: `-c role=${role}` }),
  });
  pool.on('error', (error) => log.warn({ err: error }, 'PostgreSQL closed an idle connection'));
  return pool;
}
