import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FakeObjects } from '../testing/fake-objects.ts';
import { storeEntries } from './object-entries.ts';
import { ScratchFolder } from './scratch-folder.ts';

const HASHES = `${'ab'.repeat(32)}\n`;

let objects: FakeObjects;
let folder: ScratchFolder;
beforeEach(async () => {
  objects = await FakeObjects.start();
  folder = new ScratchFolder();
});
afterEach(async () => {
  folder.remove();
  await objects.stop();
});

test('a ConfigMap’s hash files are stored, text and binary, and nothing else of it', async () => {
  const binary = Buffer.from(`\ufeff${HASHES}`).toString('base64');
  objects.putConfigMap(
    'roll',
    { 'a.txt': HASHES, 'notes.md': 'x', '.hidden.txt': 'x' },
    { 'b.json': binary },
  );
  const path = await storeEntries(objects.core, 'ConfigMap', 'default', 'roll', folder);
  expect(readdirSync(path).sort()).toEqual(['a.txt', 'b.json']);
  expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe(HASHES);
  expect(readFileSync(join(path, 'b.json')).subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
});

test('a Secret’s are too', async () => {
  objects.putSecret('roll', { 'a.txt': HASHES });
  const path = await storeEntries(objects.core, 'Secret', 'default', 'roll', folder);
  expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe(HASHES);
});

test('one that is not there, may not be read or holds no hash file says what to do', async () => {
  const refused = (kind: 'ConfigMap' | 'Secret', name: string) =>
    storeEntries(objects.core, kind, 'default', name, folder).catch((error: Error) => error.message);
  expect(await refused('ConfigMap', 'roll')).toMatch(
    /there is no ConfigMap roll in namespace default; make it/,
  );
  objects.putConfigMap('roll', { 'notes.md': 'x' });
  expect(await refused('ConfigMap', 'roll')).toMatch(/no entry that ends in \.json or \.txt/);
  objects.forbid('secrets', 'roll');
  expect(await refused('Secret', 'roll')).toMatch(/may not read Secret roll.*grant/);
});
