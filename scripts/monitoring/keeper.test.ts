import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { launch } from '../servers/launch.ts';
import { StateFile } from '../servers/state.ts';
import { Keeper, type Start } from './keeper.ts';

let folder: string;
let file: StateFile;
let notes: string[];
let starts: number;
let keeper: Keeper;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-keeper-'));
  file = StateFile.open(folder);
  notes = [];
  starts = 0;
  keeper = new Keeper({ file, note: (text) => notes.push(text) });
});
afterEach(async () => {
  await keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program that ends at once. */
const ends: Start = (onEnd) => {
  starts++;
  const log = join(folder, 'logs', 'redis-exporter.log');
  return launch({ program: 'sh', args: ['-c', 'exit 3'], log, onEnd });
};

describe('the keeper', () => {
  it('gives a program up that never runs, and has said two sentences by then', async () => {
    await keeper.run('redis-exporter', ends);
    await until('it is given up', () => notes.length > 1, 60_000);
    expect(notes).toEqual([
      'redis-exporter ended (code 3); starting it again',
      expect.stringMatching(/^redis-exporter ended 8 times in a row and is not started again; see .*\.log$/),
    ]);
    expect(starts).toBe(8);
    await keeper.close();
    expect(starts).toBe(8);
    expect(file.state.processes).toEqual({});
  }, 90_000);

  it('counts a program that is there no more as one that ends', async () => {
    await keeper.run('redis-exporter', (onEnd) => {
      if (starts > 0) {
        starts++;
        return launch({ program: join(folder, 'gone'), args: [], log: join(folder, 'gone.log'), onEnd });
      }
      return ends(onEnd);
    });
    await until('it was tried twice again', () => starts > 2);
    await keeper.close();
    expect(notes).toEqual(['redis-exporter ended (code 3); starting it again']);
  });

  it('leaves a program alone that was not ready the first time', async () => {
    const ready = () => Promise.reject(new Error('not ready'));
    await expect(keeper.run('redis-exporter', ends, ready)).rejects.toThrow('not ready');
    await keeper.close();
    expect([starts, notes]).toEqual([1, []]);
  });
});
