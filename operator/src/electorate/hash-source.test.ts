import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { filesSource, HashSourceError } from './hash-source.ts';

const [a, b] = ['a1'.repeat(32), 'b2'.repeat(32)];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-source-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function names(source: ReturnType<typeof filesSource>): Promise<string[]> {
  const list: string[] = [];
  for await (const { name, stream } of source.files()) {
    list.push(name);
    await stream.toArray();
  }
  return list;
}

describe('hash files', () => {
  it('of a folder are its .json and .txt files by name', async () => {
    for (const name of ['b.TXT', 'a.json', 'roll.csv', 'c.txt.unfinished', '.hidden.txt']) write(name, a);
    mkdirSync(join(folder, 'folder.txt'));
    const source = filesSource(folder);
    expect(await names(source)).toEqual(['a.json', 'b.TXT']);
    expect(source.sizeBytes).toBe(128);
  });

  it('have a digest of their content and order, not of their names', async () => {
    const [one, two] = [write('1.txt', a), write('2.txt', b)];
    const digest = await filesSource([one, two]).digest();
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await filesSource([two, one]).digest()).not.toBe(digest);
    expect(await filesSource([write('3.txt', a), two]).digest()).toBe(digest);
    expect(await filesSource(write('4.txt', a + b)).digest()).not.toBe(digest);
  });

  it('are read once if a folder has one list in both formats', async () => {
    write('hashes.json', JSON.stringify({ hashes: [a, b] }));
    const text = write('hashes.txt', `${a}\n${b}\n`);
    const source = filesSource(folder);
    await source.digest();
    expect(await names(source)).toEqual(['hashes.json']);
    expect(source.skipped).toEqual([text]);
    expect(source.sizeBytes).toBe(JSON.stringify({ hashes: [a, b] }).length);
  });

  it.each([
    ['another hash', `${a}\n${a}\n`],
    ['one hash more', `${a}\n${b}\n${b}\n`],
    ['a bad line', `${a}\n${b}\nx\n`],
  ])('are all read if the two formats differ by %s', async (_what, text) => {
    write('hashes.json', JSON.stringify({ hashes: [a, b] }));
    write('hashes.txt', text);
    const source = filesSource(folder);
    await source.digest();
    expect(await names(source)).toEqual(['hashes.json', 'hashes.txt']);
    expect(source.skipped).toEqual([]);
  });

  it('that are not there are named', () => {
    const gone = join(folder, 'gone.txt');
    expect(() => filesSource(gone)).toThrow(`${gone}: there is no such file or folder`);
    expect(() => filesSource(folder)).toThrow(/no \.json or \.txt file/);
    expect(() => filesSource([])).toThrow(HashSourceError);
  });
});
