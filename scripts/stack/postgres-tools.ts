import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findBinaries } from '../servers/binaries.ts';
import type { StateFile } from '../servers/state.ts';

type Tool = 'pg_dump' | 'pg_restore';

/**
 * PostgreSQL's own tools, on this machine or in the container that the server runs in. Files go through
 * standard input and output, so that both are the same; the password goes through the environment.
 */
export class PostgresTools {
  readonly #url: URL;
  readonly #file: StateFile | undefined;

  /** `url`: the server's, with its user and password. */
  constructor(url: string, file: StateFile | undefined) {
    this.#url = new URL(url);
    this.#file = file;
  }

  /** Writes a database to a file in pg_dump's custom format: one consistent moment, whoever else writes. */
  async dump(database: string, path: string): Promise<void> {
    const child = this.#spawn('pg_dump', ['--format=custom', '--no-owner', '--dbname', database]);
    child.stdin!.end();
    await Promise.all([
      pipeline(child.stdout!, createWriteStream(path, { mode: 0o600, flush: true })),
      finished(child, 'pg_dump'),
    ]);
  }

  /** The entries of a dump's table of contents. Rejects if it isn't a whole, readable dump. */
  async contents(path: string): Promise<string[]> {
    const child = this.#spawn('pg_restore', ['--list'], { connect: false });
    const output: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => output.push(chunk));
    await Promise.all([feed(path, child), finished(child, 'pg_restore')]);
    return Buffer.concat(output)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'));
  }

  /** Restores a dump into an empty database: all of it, in one transaction, or nothing. */
  async restore(path: string, database: string): Promise<void> {
    const child = this.#spawn('pg_restore', [
      ...['--no-owner', '--exit-on-error', '--single-transaction', '--dbname', database],
    ]);
    child.stdout!.resume();
    await Promise.all([feed(path, child), finished(child, 'pg_restore')]);
  }

  #spawn(tool: Tool, args: string[], { connect = true } = {}): ChildProcess {
    const container = this.#file?.state.containers.postgres;
    const at = container
      ? { PGHOST: '127.0.0.1', PGPORT: '5432' }
      : { PGHOST: this.#url.hostname, PGPORT: this.#url.port || '5432' };
    const connection: Record<string, string> = connect
      ? {
          ...at,
          PGUSER: decodeURIComponent(this.#url.username),
          PGPASSWORD: decodeURIComponent(this.#url.password),
          PGAPPNAME: tool,
        }
      : {};
    const env = { ...process.env, ...connection };
    if (container) {
      const pass = Object.keys(connection).flatMap((name) => ['-e', name]);
      return spawn(container.engine, ['exec', '-i', ...pass, container.name, tool, ...args], { env });
    }
    const bin = findBinaries().postgres?.bin;
    return spawn(bin ? join(bin, tool) : tool, args, { env });
  }
}

async function feed(path: string, child: ChildProcess): Promise<void> {
  // A tool that has seen enough closes its input; its exit code tells whether that was right.
  await pipeline(createReadStream(path), child.stdin!).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

function finished(child: ChildProcess, tool: Tool): Promise<void> {
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new Error(`${tool} is not installed; it comes with the package postgresql-client`)
          : error,
      ),
    );
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${tool} failed (code ${code}): ${errors.trim()}`)),
    );
  });
}

/** SHA-256 of a file, 64 hexadecimal digits. */
export async function fileDigest(path: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(path), digest);
  return digest.digest('hex');
}

/** The line that `sha256sum -c` reads. */
export const digestLine = (digest: string, path: string): string => `${digest}  ${basename(path)}\n`;
