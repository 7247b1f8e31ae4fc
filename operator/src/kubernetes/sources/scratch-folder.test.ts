import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect, test } from '@jest/globals';
import { ScratchFolder } from './scratch-folder.ts';

let folder: ScratchFolder;
afterEach(() => folder.remove());

test('what is stored is there as it was, with its digest, for this process’s user only', async () => {
  folder = new ScratchFolder();
  const { path, sha256 } = await folder.store(
    'roll.txt',
    Readable.from([Buffer.from('a'), Buffer.from('b')]),
  );
  expect(readFileSync(path, 'utf8')).toBe('ab');
  expect(sha256).toBe(createHash('sha256').update('ab').digest('hex'));
  expect(statSync(path).mode & 0o077).toBe(0);
});

test('whatever a file is called, it lies in the folder, and is no hidden one', async () => {
  folder = new ScratchFolder();
  for (const name of ['../../etc/passwd.txt', '.hidden.txt', 'a/b c.txt', '..']) {
    const { path } = await folder.storeBytes(name, Buffer.from('x'));
    expect(dirname(path)).toBe(folder.path);
    expect(basename(path)).not.toMatch(/^\./);
  }
  expect(readdirSync(folder.path)).toHaveLength(4);
});

test('two files are two, however alike or long their names are', async () => {
  folder = new ScratchFolder();
  const long = `${'é'.repeat(500)}.txt`;
  for (const name of ['a/b.txt', 'a_b.txt', 'a%2Fb.txt', long, `x${long}`])
    await folder.storeBytes(name, Buffer.from(name));
  expect(readdirSync(folder.path)).toHaveLength(5);
  expect(readdirSync(folder.path).every((name) => name.endsWith('.txt'))).toBe(true);
});

test('a source without end is given up before the disk is full, over all files together', async () => {
  folder = new ScratchFolder(1_000_000);
  await folder.storeBytes('first.txt', Buffer.alloc(500_000));
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(100_000);
    })(),
  );
  await expect(folder.store('second.txt', endless)).rejects.toMatchObject({
    reason: 'SourceTooLarge',
    lasting: true,
  });
  expect(endless.destroyed).toBe(true);
  folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});
