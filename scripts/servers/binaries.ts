import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isExecutable } from './executable.ts';
import type { ServerName } from './state.ts';

export interface Binaries {
  redis?: { server: string };
  /** `epmd` is Erlang's port mapper, which a node asks for before it starts. */
  rabbitmq?: { server: string; epmd: string };
  /** The folder of initdb, postgres, pg_dump and the like, and its major version. */
  postgres?: { bin: string; major: number };
}

/** Where Debian and Ubuntu, and others by hand, put them; looked at after PATH. */
const FOLDERS = [
  '/usr/local/bin',
  '/usr/bin',
  '/usr/sbin',
  '/bin',
  '/sbin',
  '/opt/homebrew/bin',
  '/opt/homebrew/sbin',
];

/**
 * Finds the servers' programs. `root` stands before every fixed path (for tests); `postgresMajor` asks for
 * the version that made the data.
 */
export function findBinaries(
  options: { path?: string; root?: string; postgresMajor?: number | undefined } = {},
): Binaries {
  const { path = process.env.PATH ?? '', root = '' } = options;
  const folders = [...path.split(delimiter).filter(Boolean), ...FOLDERS.map((folder) => root + folder)];
  const redis = onPath('redis-server', folders) ?? onPath('valkey-server', folders);
  const rabbitmq = findRabbitmq(root, folders);
  const epmd = onPath('epmd', folders) ?? findIn(`${root}/usr/lib/erlang`, /^erts-/, 'bin/epmd');
  const postgres = findPostgres(root, folders, options.postgresMajor);
  return {
    ...(redis && { redis: { server: redis } }),
    ...(rabbitmq && epmd && { rabbitmq: { server: rabbitmq, epmd } }),
    ...(postgres && { postgres }),
  };
}

/** Any program, where the servers' own are looked for. */
export const findProgram = (program: string, path = process.env.PATH ?? ''): string | undefined =>
  onPath(program, [...path.split(delimiter).filter(Boolean), ...FOLDERS]);

/** The names of the servers that `binaries` lacks. */
export const missing = (binaries: Binaries, wanted: readonly ServerName[]): ServerName[] =>
  wanted.filter((name) => binaries[name] === undefined);

function findRabbitmq(root: string, folders: readonly string[]): string | undefined {
  // Debian's /usr/sbin/rabbitmq-server changes to the system's user and folders: this is the program itself.
  const packaged = `${root}/usr/lib/rabbitmq/bin/rabbitmq-server`;
  if (isExecutable(packaged)) return packaged;
  return (
    findIn(`${root}/usr/lib/rabbitmq/lib`, /^rabbitmq_server-/, 'sbin/rabbitmq-server') ??
    onPath(
      'rabbitmq-server',
      folders.filter((folder) => folder !== `${root}/usr/sbin` && folder !== '/usr/sbin'),
    )
  );
}

function findPostgres(
  root: string,
  folders: readonly string[],
  major: number | undefined,
): Binaries['postgres'] {
  const base = `${root}/usr/lib/postgresql`;
  const versions = existsSync(base)
    ? readdirSync(base)
        .map(Number)
        .filter(
          (version) => Number.isInteger(version) && isExecutable(join(base, String(version), 'bin/postgres')),
        )
        .sort((a, b) => b - a)
    : [];
  const version = major === undefined ? versions[0] : versions.find((found) => found === major);
  if (version !== undefined) return { bin: join(base, String(version), 'bin'), major: version };
  const program = onPath('initdb', folders);
  if (!program) return undefined;
  const bin = program.slice(0, -'/initdb'.length);
  // Its version stands in no path here; initdb itself writes it down, and PostgreSQL checks it.
  return isExecutable(join(bin, 'postgres')) ? { bin, major: major ?? 0 } : undefined;
}

const onPath = (program: string, folders: readonly string[]): string | undefined =>
  folders.map((folder) => join(folder, program)).find(isExecutable);

function findIn(base: string, folder: RegExp, program: string): string | undefined {
  if (!existsSync(base)) return undefined;
  return readdirSync(base)
    .filter((name) => folder.test(name))
    .sort()
    .reverse()
    .map((name) => join(base, name, program))
    .find(isExecutable);
}
