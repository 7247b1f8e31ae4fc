import { execFile } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { launch } from './launch.ts';
import type { StateFile } from './state.ts';

export const postgresUrl = ({ state }: StateFile): string =>
  `postgres://postgres:${state.passwords.postgres}@127.0.0.1:${state.ports.postgres}/postgres`;

/** PostgreSQL refuses to run as root: the user that it runs as then, or undefined for ourselves. */
export function postgresUser(passwd = '/etc/passwd'): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user)
    throw new Error('PostgreSQL refuses to run as root, and there is no user "postgres" to run it as');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/**
 * Where PostgreSQL's files go: in the data folder, or, if its user can't reach that (a home with mode
 * 0700), under /var/tmp.
 */
export function postgresFolder(file: StateFile, user = postgresUser()): string {
  if (file.state.postgresFolder) return file.state.postgresFolder;
  if (!user || reachable(file.folder)) return file.path('postgres');
  const elsewhere = `/var/tmp/scrutin-${file.state.id}-postgres`;
  file.update({ postgresFolder: elsewhere });
  return elsewhere;
}

/** True if everybody may pass through the folder and all above it. */
export function reachable(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** The version that made the files, or undefined before the first start. */
export function postgresMajor(folder: string): number | undefined {
  const path = join(folder, 'PG_VERSION');
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
}

/** Makes the database files if there are none, starts PostgreSQL; resolves with its pid. */
export async function launchPostgres(file: StateFile, bin: string): Promise<number> {
  const user = postgresUser();
  const folder = postgresFolder(file, user);
  if (postgresMajor(folder) === undefined) await makeCluster(file, bin, folder, user);
  // Ours: the state says that no PostgreSQL of this folder runs. It would keep a new one from starting if
  // its pid was given to somebody else since the crash.
  rmSync(join(folder, 'postmaster.pid'), { force: true });
  const settings = {
    port: file.state.ports.postgres,
    listen_addresses: '127.0.0.1',
    // Over TCP with a password only: a socket's folder would be one more thing to protect.
    unix_socket_directories: '',
    max_connections: 200,
    logging_collector: 'off',
    // Values of a failed statement are kept out of the log (P4, P5).
    log_parameter_max_length_on_error: 0,
    log_min_error_statement: 'panic',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return launch({
    program: join(bin, 'postgres'),
    args: ['-D', folder, ...args],
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    cwd: folder,
    log: file.path('logs', 'postgres.log'),
    user,
  });
}

async function makeCluster(
  file: StateFile,
  bin: string,
  folder: string,
  user: { uid: number; gid: number } | undefined,
): Promise<void> {
  // Made beside its place and renamed at the end: what a broken-off initdb leaves is no database.
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.password`;
  writeFileSync(passwordFile, file.state.passwords.postgres, { mode: 0o600 });
  if (user) {
    chownSync(unfinished, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  try {
    await promisify(execFile)(
      join(bin, 'initdb'),
      [
        ...['-D', unfinished, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8'],
        ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ],
      { ...user, cwd: unfinished, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' } },
    );
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`initdb failed: ${(error as { stderr?: string }).stderr || (error as Error).message}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** True if PostgreSQL takes the password and a query. */
export async function postgresAnswers(url: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
