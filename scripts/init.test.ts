import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { management } from '@scrutin/shared/testing/virtual-host.ts';
import { virtualHost } from '@scrutin/shared/topology.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { stringify } from 'yaml';
import { volumeSource } from '../operator/src/local/volume-source.ts';
import type { Ports } from '../operator/src/reconcile/ports.ts';
import { testElection } from '../operator/src/reconcile/testing/election.ts';
import { serverPorts } from '../operator/src/server-ports.ts';
import { run as runProgram, type Said } from './cluster/run-program.ts';

const SCRIPT = fileURLToPath(new URL('./init.ts', import.meta.url));
const VOTER_PEPPER = '5e'.repeat(32);
const servers = {
  REDIS_URL: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  RABBITMQ_URL: process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672',
  RABBITMQ_MANAGEMENT_URL: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  DATABASE_URL: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
};

let id: string;
let folder: string;
let file: string;
let ports: Ports & { close(): Promise<void> };

beforeEach(() => {
  id = `t-${randomBytes(6).toString('hex')}`;
  folder = mkdtempSync(join(tmpdir(), 'scrutin-init-'));
  file = join(folder, 'election.yaml');
  const volumes = join(folder, 'volumes');
  mkdirSync(join(volumes, 'electorate'), { recursive: true });
  const hashes = Array.from({ length: 20 }, () => randomBytes(32).toString('hex'));
  writeFileSync(join(volumes, 'electorate', 'roll.txt'), `${[...hashes, hashes[0], 'damaged'].join('\n')}\n`);
  write();
  ports = serverPorts({
    electionId: id,
    addresses: {
      redisUrl: servers.REDIS_URL,
      rabbitmqManagementUrl: servers.RABBITMQ_MANAGEMENT_URL,
      databaseUrl: electionDatabaseUrl(servers.DATABASE_URL, id),
    },
    pepper: pepperFromHex(VOTER_PEPPER),
    openSource: (election) => volumeSource(election, volumes),
    log: createLog({ stage: 'test', level: 'silent' }),
  });
});
afterEach(async () => {
  await ports.broker.remove(id);
  await ports.electorate.remove();
  await ports.ledger.remove();
  await ports.close();
  rmSync(folder, { recursive: true });
});

/** Writes the Election file, with some of the spec replaced. It is open now. */
function write(spec: Parameters<typeof testElection>[0] = {}): void {
  const opensAt = '2026-01-01T00:00:00Z';
  const election = testElection({ opensAt, closesAt: '2100-01-01T00:00:00Z', ...spec });
  writeFileSync(file, stringify({ ...election, metadata: { name: id } }));
}

/** Runs the command; `env` replaces settings, and an empty one takes it away. */
const run = (args: readonly string[] = [], env: Record<string, string> = {}): Promise<Said> =>
  runProgram(process.execPath, [SCRIPT, '--election', file, '--volumes', join(folder, 'volumes'), ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? '',
      SCRUTIN_DATA: join(folder, 'data'),
      VOTER_PEPPER,
      ...servers,
      ...env,
    },
  });

const hasVirtualHost = async () =>
  'name' in ((await management('GET', `/vhosts/${virtualHost(id)}`)) as object);

describe('npm run init', () => {
  it('prepares an election, says what is there, and has nothing to do the second time', async () => {
    const first = await run();
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/phase\s+Open/);
    expect(first.out).toMatch(/hashes processed\s+21/);
    expect(first.out).toMatch(/voters \(unique\)\s+20/);
    expect(first.out).toMatch(/duplicates\s+1/);
    expect(first.out).toMatch(/errors\s+1/);
    expect(first.out).toMatch(/votes on loi-1\s+0/);
    expect(first.out).toMatch(/queue validation_queue/);
    expect(first.out).toMatch(/! roll\.txt:22: /);
    expect(first.out).toMatch(/Next: npm start/);
    expect(await ports.electorate.published()).toMatchObject({ id, eligible: 20 });
    expect(first.out + first.err).not.toContain(VOTER_PEPPER);

    const second = await run();
    expect(second).toMatchObject({ code: 0, err: '' });
    expect(second.out).toContain('There was nothing to do: it was prepared already.');
  }, 60_000);

  it('leaves the electorate as it is with --skip-hashes, and says how to load one', async () => {
    const without = await run(['--skip-hashes']);
    expect(without).toMatchObject({ code: 0, err: '' });
    expect(without.out).toContain('Next: there is no electorate yet; load one with npm run load-hashes');
    expect(await ports.electorate.sound()).toBeUndefined();
    expect(await hasVirtualHost()).toBe(true);
    expect((await run()).code).toBe(0);
    // The files are not even looked at.
    rmSync(join(folder, 'volumes'), { recursive: true });
    const kept = await run(['--skip-hashes']);
    expect(kept).toMatchObject({ code: 0, err: '' });
    expect(kept.out).toContain('There was nothing to do');
  }, 60_000);

  it('leaves RabbitMQ as it is with --skip-rabbitmq', async () => {
    const nowhere = { RABBITMQ_URL: 'amqp://127.0.0.1:1', RABBITMQ_MANAGEMENT_URL: 'http://127.0.0.1:1' };
    const { code, out, err } = await run(['--skip-rabbitmq'], nowhere);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toMatch(/RabbitMQ|Queues/);
    expect(await ports.electorate.sound()).toMatchObject({ unique: 20 });
    expect(await hasVirtualHost()).toBe(false);
  }, 60_000);

  it('says which servers are away, a line each, within the time it was given', async () => {
    const start = performance.now();
    const { code, err, out } = await run(['--timeout', '2'], {
      REDIS_URL: 'redis://127.0.0.1:1',
      RABBITMQ_URL: 'amqp://guest:hush@127.0.0.1:1',
      RABBITMQ_MANAGEMENT_URL: 'http://guest:hush@127.0.0.1:1',
      DATABASE_URL: 'postgres://postgres:hush@127.0.0.1:1/postgres',
    });
    expect(code).toBe(1);
    const lines = err.trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('✖ Redis: Redis does not answer; start it, or correct REDIS_URL');
    expect(lines[1]).toContain('PostgreSQL: PostgreSQL does not answer; start it, or correct DATABASE_URL');
    expect(lines[2]).toMatch(/RabbitMQ, AMQP: .*; start it, or correct RABBITMQ_URL/);
    expect(lines[3]).toMatch(/RabbitMQ, management: .*correct RABBITMQ_MANAGEMENT_URL/);
    expect(err + out).not.toContain('hush');
    expect(performance.now() - start).toBeLessThan(15_000);
  }, 30_000);

  it('does not wait for a wrong password to become right', async () => {
    const wrong = (url: string) => url.replace(/\/\/[^@]*@/, '//guest:hush@');
    const start = performance.now();
    const { code, err } = await run(['--timeout', '60'], {
      RABBITMQ_URL: wrong(servers.RABBITMQ_URL),
      RABBITMQ_MANAGEMENT_URL: wrong(servers.RABBITMQ_MANAGEMENT_URL),
    });
    expect(code).toBe(1);
    expect(err).toContain('RabbitMQ refuses the user or password of RABBITMQ_URL');
    expect(err).toContain('RabbitMQ refuses the user or password of RABBITMQ_MANAGEMENT_URL');
    expect(performance.now() - start).toBeLessThan(20_000);
  }, 30_000);

  it('says that the election is not prepared, and why', async () => {
    write({ electorate: { expected: 19 } });
    const { code, err, out } = await run();
    expect(code).toBe(1);
    expect(err).toContain(
      '20 distinct voters were found and spec.electorate.expected is 19; 1 lines are damaged',
    );
    expect(out).toMatch(/✖ Election prepared/);
    expect(await ports.electorate.published()).toBeUndefined();
  }, 30_000);

  it('names a source that is not there', async () => {
    rmSync(join(folder, 'volumes'), { recursive: true });
    const { code, err } = await run();
    expect(code).toBe(1);
    expect(err).toMatch(/volumes\/electorate is not there; put the hash files there/);
  }, 30_000);

  it.each([
    [
      'an Election file that is none',
      () => writeFileSync(file, 'kind: Poll'),
      {},
      [],
      /election\.yaml: kind: must be Election/,
    ],
    ['no Election file', () => rmSync(file), {}, [], /election\.yaml: the document: there is no such file/],
    [
      'a pepper that is too short',
      () => {},
      { VOTER_PEPPER: 'abc' },
      [],
      /VOTER_PEPPER: .*64 or more hexadecimal/,
    ],
    ['no pepper', () => {}, { VOTER_PEPPER: '' }, [], /VOTER_PEPPER: .*it is not set/],
    ['an address that is none', () => {}, { REDIS_URL: 'localhost' }, [], /REDIS_URL: must be a URL/],
    [
      'no servers at all',
      () => {},
      { REDIS_URL: '', RABBITMQ_URL: '', RABBITMQ_MANAGEMENT_URL: '', DATABASE_URL: '' },
      [],
      /Nothing runs here/,
    ],
    ['an option that there is not', () => {}, {}, ['--hashes'], /unknown option/],
    ['a time limit that is none', () => {}, {}, ['--timeout', '0'], /above 0/],
  ])('%s: exit code 2, and what is wrong', async (_, damage, env, args, message) => {
    damage();
    const { code, err } = await run(args, env as unknown as Record<string, string>);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/--skip-rabbitmq[\s\S]*Exit code/);
  });
});
