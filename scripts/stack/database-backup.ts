import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Ledger } from '@scrutin/operator/ledger/ledger.ts';
import { migrateLedger } from '@scrutin/operator/ledger/migrate.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import pg from 'pg';
import { digestLine, fileDigest, type PostgresTools } from './postgres-tools.ts';

const silent = createLog({ stage: 'backup', level: 'silent' });

/** Tables without which a dump is none of an election. */
const NEEDED = ['participation', 'vote_results', 'vote_audit', 'duplicate_attempts', 'election'];

/** A dump holds the rights on what is in the database, and none on the database itself. */
const DATABASE_RIGHTS = `revoke all on database $database from public;
  grant connect on database $database to scrutin_writer, scrutin_reader`;

export interface Backup {
  path: string;
  bytes: number;
  digest: string;
}

/**
 * Saves a database: dumped, read back, given its checksum (`<path>.sha256`), then renamed into place. Throws
 * if the dump can't be read back or lacks a table.
 */
export async function backupDatabase(tools: PostgresTools, database: string, path: string): Promise<Backup> {
  if (existsSync(path)) throw new Error(`${path} is there already`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.unfinished`;
  try {
    await tools.dump(database, unfinished);
    await requireWhole(tools, unfinished);
    const digest = await fileDigest(unfinished);
    writeFileSync(`${path}.sha256`, digestLine(digest, path), { mode: 0o600 });
    renameSync(unfinished, path);
    return { path, bytes: statSync(path).size, digest };
  } finally {
    rmSync(unfinished, { force: true });
  }
}

async function requireWhole(tools: PostgresTools, path: string): Promise<void> {
  const contents = await tools.contents(path);
  const lacking = NEEDED.filter(
    (table) => !contents.some((entry) => entry.includes(` TABLE DATA public ${table} `)),
  );
  if (lacking.length > 0)
    throw new Error(`${path} lacks the data of ${lacking.join(', ')}: no election’s backup`);
}

export interface Restored {
  /** The database that was there before, now under this name; undefined if there was none. */
  before: string | undefined;
  counts: Awaited<ReturnType<Ledger['counts']>>;
  checksum: 'verified' | 'absent';
}

/**
 * Brings a saved database back. It is restored beside the present one, brought up to date, and its
 * invariants checked; only then do the two change places. Whatever fails before leaves the present one as
 * it is. `serverUrl`: the server's, as its administrator.
 */
export async function restoreDatabase(
  tools: PostgresTools,
  serverUrl: string,
  database: string,
  path: string,
): Promise<Restored> {
  const checksum = await verifyChecksum(path);
  await requireWhole(tools, path);
  const beside = `${database}_restoring`;
  const admin = new pg.Client({
    connectionString: databaseUrl(serverUrl, 'postgres'),
    application_name: 'restore',
  });
  admin.on('error', () => {});
  await admin.connect();
  const drop = (name: string) =>
    admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  try {
    await drop(beside);
    // Makes the roles, which a dump only refers to; the tables come from the dump.
    await migrateLedger(databaseUrl(serverUrl, beside), silent);
    await drop(beside);
    await admin.query(`create database ${pg.escapeIdentifier(beside)} template template0 encoding 'UTF8'`);
    await tools.restore(path, beside);
    await admin.query(DATABASE_RIGHTS.replaceAll('$database', pg.escapeIdentifier(beside)));
    await migrateLedger(databaseUrl(serverUrl, beside), silent);
    const counts = await verify(databaseUrl(serverUrl, beside));
    const before = await changePlaces(admin, beside, database);
    return { before, counts, checksum };
  } finally {
    await drop(beside).catch(() => {});
    await admin.end().catch(() => {});
  }
}

async function verifyChecksum(path: string): Promise<Restored['checksum']> {
  if (!existsSync(path)) throw new Error(`there is no ${path}`);
  if (!existsSync(`${path}.sha256`)) return 'absent';
  const [expected] = readFileSync(`${path}.sha256`, 'utf8').split(/\s/);
  if (expected !== (await fileDigest(path)))
    throw new Error(`${path} is not what was saved: its SHA-256 differs from ${path}.sha256`);
  return 'verified';
}

async function verify(url: string): Promise<Restored['counts']> {
  const ledger = new Ledger(connectPostgres({ url, name: 'scrutin restore', max: 1, log: silent }));
  try {
    const { ok, problems } = await ledger.invariants();
    if (!ok) throw new Error(`the backup contradicts itself; nothing was changed:\n${problems.join('\n')}`);
    return await ledger.counts();
  } finally {
    await ledger.end();
  }
}

async function changePlaces(admin: pg.Client, beside: string, database: string): Promise<string | undefined> {
  const { rows } = await admin.query('select from pg_database where datname = $1', [database]);
  const rename = async (from: string, to: string) => {
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [from]);
    await admin.query(`alter database ${pg.escapeIdentifier(from)} rename to ${pg.escapeIdentifier(to)}`);
  };
  if (rows.length === 0) {
    await rename(beside, database);
    return undefined;
  }
  const before = `${database}_before_${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`;
  await rename(database, before);
  try {
    await rename(beside, database);
  } catch (error) {
    await rename(before, database);
    throw error;
  }
  return before;
}

/** The same server's other database. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

/** Sessions of others in a database: somebody works with it. The server's own cleaner is nobody; who may not see what a session is counts it. */
export async function sessionsIn(serverUrl: string, database: string): Promise<number> {
  const admin = new pg.Client({ connectionString: databaseUrl(serverUrl, 'postgres') });
  admin.on('error', () => {});
  await admin.connect();
  try {
    const { rows } = await admin.query<{ n: string }>(
      `select count(*) as n from pg_stat_activity
       where datname = $1 and pid <> pg_backend_pid() and backend_type is distinct from 'autovacuum worker'`,
      [database],
    );
    return Number(rows[0]!.n);
  } finally {
    await admin.end();
  }
}
