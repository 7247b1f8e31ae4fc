import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { LoadInterrupted } from './electorate.ts';
import { filesSource } from './hash-source.ts';
import { loadElectorate } from './load-electorate.ts';
import { electorate, ownElectorates } from './testing/own-electorates.ts';

ownElectorates();

const roll = (count: number): string =>
  Array.from({ length: count }, () => `${randomBytes(32).toString('hex')}\n`).join('');

it('files that are exchanged while they are loaded make no electorate under the digest of those before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-roll-'));
  try {
    const path = join(folder, 'roll.txt');
    writeFileSync(path, roll(200));
    const source = filesSource(folder);
    const pepper = createSecretKey(randomBytes(32));
    const changing = {
      ...source,
      digest: source.digest,
      async *files() {
        writeFileSync(path, roll(300));
        yield* source.files();
      },
    };
    const load = (from: typeof source) => loadElectorate({ electorate, source: from, pepper, batchSize: 50 });
    await expect(load(changing)).rejects.toBeInstanceOf(LoadInterrupted);
    expect((await electorate.state()).state).not.toBe('ready');
    expect(await load(source)).toMatchObject({ processed: 300, unique: 300 });
    expect(await electorate.state()).toMatchObject({ state: 'ready', source: await source.digest() });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
