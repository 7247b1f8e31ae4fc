import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { stringify } from 'yaml';
import type { ElectionStatus } from '../../election-resource.ts';
import type { Ports } from '../../reconcile/ports.ts';
import { testElection } from '../../reconcile/testing/election.ts';
import { serverPorts } from '../../server-ports.ts';
import { readStatus } from '../status-file.ts';
import { volumeSource } from '../volume-source.ts';

const PROGRAM = fileURLToPath(new URL('../../local.ts', import.meta.url));
const VOTER_PEPPER = '5e'.repeat(32);

/** Where tests find their servers; the runner sets these. */
export const SERVERS = {
  REDIS_URL: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  RABBITMQ_URL: process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672',
  RABBITMQ_MANAGEMENT_URL: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  DATABASE_URL: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
};

interface LogLine {
  level: number | string;
  msg: string;
  reason?: string;
}

/** An election of a test's own on the real servers, and the operator's process that looks after it. */
export class LocalOperator {
  readonly electionId = `t-${randomBytes(6).toString('hex')}`;
  readonly folder = mkdtempSync(join(tmpdir(), 'scrutin-operator-'));
  readonly file = join(this.folder, 'election.yaml');
  readonly statusFile = join(this.folder, 'status.json');
  readonly databaseUrl = electionDatabaseUrl(SERVERS.DATABASE_URL, this.electionId);
  readonly ports: Ports & { close(): Promise<void> };
  /** What the process has logged. */
  readonly lines: LogLine[] = [];
  #child: ChildProcess | undefined;
  /** Of the last process: resolves with its exit code once all that it wrote has been read. */
  #closed: Promise<number | null> = Promise.resolve(null);

  constructor(voters: number) {
    const volumes = join(this.folder, 'volumes');
    const claim = join(volumes, 'electorate');
    mkdirSync(claim, { recursive: true });
    const hashes = Array.from({ length: voters }, () => randomBytes(32).toString('hex'));
    writeFileSync(join(claim, 'roll.txt'), `${hashes.join('\n')}\n`);
    this.ports = serverPorts({
      electionId: this.electionId,
      addresses: {
        redisUrl: SERVERS.REDIS_URL,
        rabbitmqManagementUrl: SERVERS.RABBITMQ_MANAGEMENT_URL,
        databaseUrl: this.databaseUrl,
      },
      pepper: pepperFromHex(VOTER_PEPPER),
      openSource: (election) => volumeSource(election, volumes),
      log: createLog({ stage: 'test', level: 'silent' }),
    });
  }

  /** Writes the Election file, with some of the spec replaced. It is open from now on. */
  write(spec: Parameters<typeof testElection>[0] = {}): void {
    const now = Date.now();
    const election = testElection({
      opensAt: new Date(now - 60_000).toISOString(),
      closesAt: new Date(now + 3_600_000).toISOString(),
      ...spec,
    });
    this.writeText(stringify({ ...election, metadata: { name: this.electionId } }));
  }

  /** In one step: the process must not read half of it, nor find two changes where there is one. */
  writeText(text: string): void {
    const next = `${this.file}.next`;
    writeFileSync(next, text);
    // Two writes within a millisecond are two changes all the same.
    const at = new Date(Date.now() + this.#writes++);
    utimesSync(next, at, at);
    renameSync(next, this.file);
  }
  #writes = 0;

  start(env: Record<string, string> = {}): void {
    const child = spawn(process.execPath, [PROGRAM], {
      env: {
        PATH: process.env.PATH ?? '',
        ...SERVERS,
        ELECTION_FILE: this.file,
        STATUS_FILE: this.statusFile,
        VOLUMES: join(this.folder, 'volumes'),
        VOTER_PEPPER,
        PORT: '0',
        LOG_FORMAT: 'json',
        RESYNC_MS: '500',
        CLOSING_GRACE_MS: '100',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line) as LogLine);
    });
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends the process. Resolves with its exit code, null after SIGKILL. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.#child?.kill(signal);
    return this.#closed;
  }

  status(): Promise<ElectionStatus | undefined> {
    return readStatus(this.statusFile);
  }

  /** Resolves once the status is as wanted. */
  async untilStatus(
    what: string,
    holds: (status: ElectionStatus) => boolean,
    timeoutMs = 60_000,
  ): Promise<ElectionStatus> {
    let found: ElectionStatus | undefined;
    const text = () => `${what}; it is ${JSON.stringify(found)}`;
    await until(
      what,
      async () => {
        found = await this.status();
        return found !== undefined && holds(found);
      },
      timeoutMs,
    ).catch(() => {
      throw new Error(`not within ${timeoutMs} ms: ${text()}`);
    });
    return found!;
  }

  untilPhase(phase: string, timeoutMs?: number): Promise<ElectionStatus> {
    return this.untilStatus(phase, (status) => status.phase === phase, timeoutMs);
  }

  untilLogged(what: RegExp, timeoutMs = 30_000): Promise<void> {
    return until(String(what), () => this.lines.some(({ msg }) => what.test(msg)), timeoutMs);
  }

  /** Ends the process and removes everything. */
  async remove(): Promise<void> {
    await this.end('SIGKILL');
    await this.ports.broker.remove(this.electionId);
    await this.ports.electorate.remove();
    await this.ports.ledger.remove();
    await this.ports.close();
    rmSync(this.folder, { recursive: true });
  }
}
