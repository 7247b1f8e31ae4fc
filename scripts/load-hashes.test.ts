import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrivateRedis } from '@scrutin/shared/testing/private-redis.ts';
import { publishedElection } from '@scrutin/shared/testing/published-election.ts';
import { Redis } from 'ioredis';
import { Electorate } from '../operator/src/electorate/electorate.ts';
import { run as runProgram, type Said } from './cluster/run-program.ts';

const SCRIPT = fileURLToPath(new URL('./load-hashes.ts', import.meta.url));
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const VOTER_PEPPER = '5e'.repeat(32);
const hashes = Array.from({ length: 3_000 }, () => randomBytes(32).toString('hex'));

let redis: Redis;
let folder: string;
let id: string;
let electorate: Electorate;
let server: PrivateRedis | undefined;

beforeAll(() => {
  redis = new Redis(url);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-load-'));
  id = `t-${randomBytes(6).toString('hex')}`;
  electorate = new Electorate(redis, id);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await electorate.remove();
  rmSync(folder, { recursive: true });
});
afterAll(() => redis.disconnect());

/** Runs the command in the test's folder; `env` replaces the settings. */
const run = (args: string[], env: Record<string, string> = { VOTER_PEPPER, REDIS_URL: url }): Promise<Said> =>
  runProgram(process.execPath, [SCRIPT, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...env },
  });

const load = (...args: string[]) => run(['--election', id, ...args]);
const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
/** The statistics of the output: label → number. */
const statistics = ({ out }: Said) =>
  Object.fromEntries(
    [...out.matchAll(/^ {2}([a-z][a-zA-Z ]+?) +([\d,]+)(?: {2}.*)?$/gm)].map(([, label, value]) => [
      label,
      Number(value!.replaceAll(',', '')),
    ]),
  );

describe('load-hashes', () => {
  it('loads the files of a folder and tells what it did', async () => {
    mkdirSync(join(folder, 'electorate'));
    write('electorate/a.json', JSON.stringify({ hashes: hashes.slice(0, 2_000) }));
    write('electorate/b.txt', hashes.slice(1_900).join('\r\n'));
    write('electorate/roll.csv', 'nas,code\n');
    const result = await load('--hash-dir', 'electorate', '--batch-size', '500');
    expect([result.code, result.err]).toEqual([0, '']);
    expect(statistics(result)).toEqual({
      processed: 3_100,
      'unique in Redis': 3_000,
      duplicates: 100,
      errors: 0,
    });
    expect(result.out).toContain('npm run init');
    expect(result.out).not.toContain('\x1b[');
    expect(await electorate.state()).toMatchObject({ state: 'ready', eligible: 3_000 });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 3_000 });
  });

  it('tells bad lines by file and line, loads the others, and ends with 3', async () => {
    write('a.txt', `${hashes[0]}\nnonsense\n${hashes[1]}\n`);
    write('b.json', `{"hashes":[\n"${hashes[2]}",\n"${hashes[3]}`);
    const result = await load('a.txt', 'b.json');
    expect(result.code).toBe(3);
    expect(statistics(result)).toEqual({ processed: 4, 'unique in Redis': 4, duplicates: 0, errors: 2 });
    expect(result.err).toBe(
      '! a.txt:2: not a hash: 8 characters instead of 64\n! b.json:3: the file ends before its list does\n',
    );
  });

  it('run again finds what is there; --clear loads it anew', async () => {
    write('a.txt', hashes.join('\n'));
    await load('a.txt');
    const again = await load('a.txt');
    expect(again.code).toBe(0);
    expect(again.out).toContain('of these 3,000 by an earlier load');
    const cleared = await load('--clear', 'a.txt');
    expect(cleared.out).not.toContain('earlier load');
    expect(statistics(cleared)).toEqual(statistics(again));
  });

  it('goes on after it was killed', async () => {
    const many = Array.from({ length: 200_000 }, () => randomBytes(32).toString('hex'));
    write('a.txt', many.join('\n'));
    const child = spawn(process.execPath, [SCRIPT, '--election', id, '--batch-size', '100', 'a.txt'], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', VOTER_PEPPER, REDIS_URL: url },
      stdio: 'ignore',
    });
    const gone = new Promise((resolve) => child.once('close', resolve));
    while ((await electorate.state()).processed < 20_000)
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await gone;
    expect(await electorate.state()).toMatchObject({ state: 'loading' });
    const result = await load('a.txt');
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/of these [\d,]+ by an earlier load/);
    expect(statistics(result)).toMatchObject({
      processed: 200_000,
      'unique in Redis': 200_000,
      duplicates: 0,
    });
    expect(await electorate.audit()).toEqual({ ok: true, counted: 200_000 });
  }, 120_000);

  it('keeps the published election in step with the layout', async () => {
    await electorate.publish(publishedElection({ id, layout: { shards: 1, bucketBits: 0 } }));
    write('a.txt', hashes.join('\n'));
    await load('--shards', '2', 'a.txt');
    const { layout } = await electorate.state();
    expect(layout?.shards).toBe(2);
    expect(await electorate.published()).toMatchObject({ eligible: 3_000, layout });
  });

  it('takes a server by host, port, password and database', async () => {
    server = await PrivateRedis.start(['--requirepass', 'p@ss:word']);
    write('a.txt', hashes.join('\n'));
    const where = ['--redis-host', '127.0.0.1', '--redis-port', String(server.port), '--redis-db', '3'];
    const result = await run([...where, '--redis-password', 'p@ss:word', '--election', id, 'a.txt'], {
      VOTER_PEPPER,
    });
    expect([result.code, result.err]).toEqual([0, '']);
    const client = new Redis(server.port, { password: 'p@ss:word', db: 3 });
    expect(await new Electorate(client, id).audit()).toEqual({ ok: true, counted: 3_000 });
    client.disconnect();
    const wrong = await run([...where, '--redis-password', 'no', '--election', id, 'a.txt'], {
      VOTER_PEPPER,
    });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/can’t be used: .*WRONGPASS/);
  }, 120_000);

  it('ends with 1 when nothing was loaded', async () => {
    write('a.txt', 'x\n');
    expect(await load('a.txt')).toMatchObject({ code: 1 });
    expect(await load('gone.txt')).toMatchObject({
      code: 1,
      err: '✖ gone.txt: there is no such file or folder\n',
    });
  });

  it('says which server does not answer, without its password', async () => {
    write('a.txt', hashes.join('\n'));
    const { code, err } = await load('--redis-url', 'redis://:secret@127.0.0.1:1', 'a.txt');
    expect(code).toBe(1);
    expect(err).toMatch(/^✖ Redis at redis:\/\/:\*\*\*@127\.0\.0\.1:1 can’t be used: .*ECONNREFUSED/);
  }, 20_000);

  it.each<[string, string[], Record<string, string>, RegExp]>([
    ['no file', [], { VOTER_PEPPER }, /^error: name hash files/],
    ['no pepper', ['a.txt'], {}, /^VOTER_PEPPER: /],
    ['a weak pepper', ['a.txt'], { VOTER_PEPPER: 'abc' }, /^VOTER_PEPPER: (?!.*abc)/],
    [
      'a URL and a host',
      ['--redis-url', url, '--redis-host', 'x', 'a.txt'],
      { VOTER_PEPPER },
      /^error: give/,
    ],
    ['a batch of nothing', ['--batch-size', '0', 'a.txt'], { VOTER_PEPPER }, /^error: .*batch-size/],
    ['an election id that is none', ['--election', 'A B', 'a.txt'], { VOTER_PEPPER }, /^error: .*election/],
  ])('ends with 2 for %s', async (_what, args, env, message) => {
    const { code, err } = await run(args, env);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('explains itself', async () => {
    const { code, out } = await run(['--help'], {});
    expect(code).toBe(0);
    for (const word of ['--redis-url', '--batch-size', '--hash-dir', '--clear', 'Exit codes', 'VOTER_PEPPER'])
      expect(out).toContain(word);
  });
});
