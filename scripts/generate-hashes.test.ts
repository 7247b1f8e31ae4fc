import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { electorHash } from '@scrutin/shared/voter-hash.ts';

const SCRIPT = fileURLToPath(new URL('./generate-hashes.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-generate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the command in the test's folder. */
function generate(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '' },
  });
  return { code: status, out: stdout, err: stderr };
}

const file = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');
const rows = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((row) => row.split(',') as [string, string]);
const hashesOf = (roll: string) => rows(roll).map(([nas, code]) => electorHash(nas, code).toString('hex'));

describe('generate-hashes', () => {
  it('makes a roll and its hashes in both formats, and says what to do next', () => {
    const { code, out, err } = generate('--count', '2500', '--out', 'e');
    expect([code, err]).toEqual([0, '']);
    const hashes = hashesOf(file('e', 'roll.csv'));
    expect(new Set(hashes).size).toBe(2_500);
    expect(JSON.parse(file('e', 'hashes.json'))).toEqual({ hashes });
    expect(file('e', 'hashes.txt')).toBe(`${hashes.join('\n')}\n`);
    expect(readdirSync(join(folder, 'e')).sort()).toEqual(['hashes.json', 'hashes.txt', 'roll.csv']);
    expect(out).toContain('2,500 electors');
    expect(out).toContain('npm run load-hashes -- --hash-dir e');
    // No colours outside a terminal.
    expect(out).not.toContain('\x1b[');
  });

  it('lets nobody else read what it writes', () => {
    generate('--count', '5', '--out', 'e');
    for (const name of ['roll.csv', 'hashes.json', 'hashes.txt'])
      expect(statSync(join(folder, 'e', name)).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'e')).mode & 0o777).toBe(0o700);
  });

  it('makes the same roll for the same seed, and writes it where it is told', () => {
    generate('--count', '50', '--seed', 's', '--out', 'a', '--roll', 'a.csv');
    generate('--count', '50', '--seed', 's', '--out', 'b', '--roll', 'b.csv');
    generate('--count', '50', '--out', 'c', '--roll', 'c.csv');
    expect(file('a.csv')).toBe(file('b.csv'));
    expect(file('a.csv')).not.toBe(file('c.csv'));
    expect(existsSync(join(folder, 'a', 'roll.csv'))).toBe(false);
  });

  it('splits into files of a given number', () => {
    const { code, out } = generate('--count', '25', '--per-file', '10', '--out', 'e', '--format', 'json');
    expect(code).toBe(0);
    expect(out).toContain('hashes-0001.json … e/hashes-0003.json (3 files)');
    const parts = ['0001', '0002', '0003'].map(
      (part) => (JSON.parse(file('e', `hashes-${part}.json`)) as { hashes: string[] }).hashes,
    );
    expect(parts.map((part) => part.length)).toEqual([10, 10, 5]);
    expect(parts.flat()).toEqual(hashesOf(file('e', 'roll.csv')));
  });

  it('refuses to overwrite, unless it is forced', () => {
    generate('--count', '5', '--out', 'e');
    const before = file('e', 'roll.csv');
    expect(generate('--count', '6', '--out', 'e')).toMatchObject({ code: 1, out: '' });
    expect(file('e', 'roll.csv')).toBe(before);
    expect(generate('--count', '6', '--out', 'e', '--force').code).toBe(0);
    expect(rows(file('e', 'roll.csv'))).toHaveLength(6);
  });

  it.each([
    [['--count', '0']],
    [['--count', '1e3']],
    [['--count', '100000001']],
    [['--format', 'xml']],
    [['--nothing']],
    [['--roll', 'roll.csv', '--seed', 's']],
  ])('takes no %j', (args) => {
    const { code, err } = generate(...args);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: /);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('explains itself', () => {
    const { code, out } = generate('--help');
    expect(code).toBe(0);
    for (const word of ['--count', '--roll', '--seed', '--per-file', 'Exit codes'])
      expect(out).toContain(word);
  });
});

describe('hashing a given roll', () => {
  const hashes = [electorHash('046454286', 'A1B2C3'), electorHash('130692544', 'ZZZZZZ')].map((hash) =>
    hash.toString('hex'),
  );

  it.each([
    ['plain', 'nas,code\n046454286,A1B2C3\n130692544,ZZZZZZ\n'],
    ['without a header', '046454286,A1B2C3\n130692544,ZZZZZZ'],
    ['with separators in the NAS and lower-case codes', 'nas,code\n046 454 286,a1b2c3\n130-692-544,zzzzzz\n'],
    [
      'with CRLF, a byte order mark and empty lines',
      '\ufeffNAS,Code\r\n\r\n046454286,A1B2C3\r\n130692544,ZZZZZZ\r\n',
    ],
    ['with quotes', '"nas","code"\n"046 454 286","A1B2C3"\n"130692544" , "ZZZZZZ"\n'],
    ['with semicolons', 'nas;code\n046454286;A1B2C3\n130692544;ZZZZZZ\n'],
    ['with other columns', 'name,code,nas\n"Roy, ""Al""",A1B2C3,046454286\nÉmilie,ZZZZZZ,130692544\n'],
  ])('reads one %s', (_what, roll) => {
    writeFileSync(join(folder, 'given.csv'), roll);
    const { code, err } = generate('--roll', 'given.csv', '--out', 'e', '--format', 'txt');
    expect([code, err]).toEqual([0, '']);
    expect(file('e', 'hashes.txt')).toBe(`${hashes.join('\n')}\n`);
    expect(readdirSync(join(folder, 'e'))).toEqual(['hashes.txt']);
  });

  it('tells bad rows by file and line, never what stands there, and hashes the others', () => {
    const roll = [
      'nas,code',
      '046454286,A1B2C3',
      '987654,SECRET',
      '130692544,5ÉCRET',
      'only-one-column',
      `${'7'.repeat(10_000)},SECRET`,
      '130692544,ZZZZZZ',
    ];
    writeFileSync(join(folder, 'given.csv'), roll.join('\n'));
    const { code, out, err } = generate('--roll', 'given.csv', '--out', 'e', '--format', 'txt');
    expect(code).toBe(3);
    expect(file('e', 'hashes.txt')).toBe(`${hashes.join('\n')}\n`);
    expect(err.trimEnd().split('\n')).toEqual([
      '! given.csv:3: the NAS is not 9 digits',
      '! given.csv:4: the code is not 6 letters and digits',
      '! given.csv:5: has too few columns',
      '! given.csv:6: longer than 4096 bytes',
    ]);
    expect(out + err).not.toMatch(/SECRET|ÉCRET|987654|7777|only-one/);
  });

  it('reads a line of 10 MB as one bad row', () => {
    writeFileSync(
      join(folder, 'given.csv'),
      `046454286,A1B2C3\n${'x'.repeat(10_000_000)}\n130692544,ZZZZZZ\n`,
    );
    const { code, err } = generate('--roll', 'given.csv', '--out', 'e', '--format', 'txt');
    expect([code, err]).toEqual([3, '! given.csv:2: longer than 4096 bytes\n']);
    expect(file('e', 'hashes.txt')).toBe(`${hashes.join('\n')}\n`);
  });

  it('fails if the roll isn’t there, and writes nothing', () => {
    const { code, err } = generate('--roll', 'gone.csv', '--out', 'e');
    expect([code, err]).toEqual([1, '✖ there is no roll gone.csv\n']);
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('makes two million electors with the memory of a few', () => {
  // The heap is limited: what grows with the roll would end the process.
  const { status } = spawnSync(
    process.execPath,
    ['--max-old-space-size=48', SCRIPT, '--count', '2000000', '--format', 'json', '--out', 'e'],
    { cwd: folder, encoding: 'utf8' },
  );
  expect(status).toBe(0);
  expect(statSync(join(folder, 'e', 'hashes.json')).size).toBe(2_000_000 * 68 + 14);
}, 60_000);
