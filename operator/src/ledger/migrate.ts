import { fileURLToPath } from 'node:url';
import type { Log } from '@scrutin/shared/log.ts';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const CONNECT_TIMEOUT_MS = 10_000;
/** Far longer than a statement here takes, another run's lock included; a server that is gone without a word must not hold us for ever (P6). */
const QUERY_TIMEOUT_MS = 120_000;

/** SQLSTATEs (appendix A of PostgreSQL's manual). */
const INVALID_CATALOG_NAME = '3D000';
const DUPLICATE_DATABASE = '42P04';
const UNIQUE_VIOLATION = '23505';

/**
 * Brings an election's database up to date: makes it if it is not there, then runs the migrations that it
 * has not seen, all in one transaction. Safe to repeat and to run many times at once (P7): the runs of one
 * database wait for each other under an advisory lock.
 *
 * Rejects when a statement has no answer within `queryTimeoutMs`.
 *
 * @returns the names of the migrations applied now, in order; empty if there was nothing to do.
 */
export async function migrateLedger(
  databaseUrl: string,
  log: Log,
  queryTimeoutMs = QUERY_TIMEOUT_MS,
): Promise<string[]> {
  const client = await connectOrCreate(databaseUrl, log, queryTimeoutMs);
  try {
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      migrationsTable: 'migrations',
      advisoryLockMode: 'wait',
      logger: {
        info: (message) => log.debug(message),
        warn: (message) => log.warn(message),
        error: (message) => log.error(message),
      },
    });
    const names = applied.map(({ name }) => name);
    if (names.length > 0)
      log.info({ database: databaseName(databaseUrl), migrations: names }, 'schema brought up to date');
    return names;
  } finally {
    await client.end();
  }
}

/**
 * Removes an election's database with all in it, whoever is still connected, and has `andThen` remove what else the server
 * has of it. Absent is success (P7).
 */
export async function dropLedger(
  databaseUrl: string,
  andThen: (client: pg.Client) => Promise<void> = async () => {},
): Promise<void> {
  const client = await connect(maintenanceUrl(databaseUrl));
  try {
    await client.query(
      `drop database if exists ${pg.escapeIdentifier(databaseName(databaseUrl))} with (force)`,
    );
    await andThen(client);
  } finally {
    await client.end();
  }
}

async function connectOrCreate(databaseUrl: string, log: Log, queryTimeoutMs: number): Promise<pg.Client> {
  try {
    return await connect(databaseUrl, queryTimeoutMs);
  } catch (error) {
    if (sqlState(error) !== INVALID_CATALOG_NAME) throw error;
  }
  await createDatabase(databaseUrl, log);
  return connect(databaseUrl, queryTimeoutMs);
}

async function createDatabase(databaseUrl: string, log: Log): Promise<void> {
  const name = databaseName(databaseUrl);
  const client = await connect(maintenanceUrl(databaseUrl));
  try {
    // template0 can be copied while others are connected, and takes any encoding.
    await client.query(`create database ${pg.escapeIdentifier(name)} template template0 encoding 'UTF8'`);
    log.info({ database: name }, 'database made');
  } catch (error) {
    // Another run was quicker: it is there, which is what was wanted.
    if (![DUPLICATE_DATABASE, UNIQUE_VIOLATION].includes(sqlState(error) ?? '')) throw error;
  } finally {
    await client.end();
  }
}

async function connect(url: string, queryTimeoutMs = QUERY_TIMEOUT_MS): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'scrutin ledger',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: queryTimeoutMs,
  });
  // A server that goes away in the middle also fails the query at hand; without a listener the process would end.
  client.on('error', () => {});
  await client.connect();
  return client;
}

const sqlState = (error: unknown): string | undefined => (error as { code?: string }).code;

const databaseName = (url: string): string => decodeURIComponent(new URL(url).pathname.slice(1));

/** The same server's `postgres` database, from which others are made and dropped. */
function maintenanceUrl(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.pathname = '/postgres';
  return url.href;
}
