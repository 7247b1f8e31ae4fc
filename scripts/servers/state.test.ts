import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identify } from './process-identity.ts';
import { lockFolder, lockOwner, StateFile } from './state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the state file', () => {
  test('keeps id, ports and passwords from one start to the next', () => {
    const first = StateFile.open(folder);
    first.setPort('redis', 26_380);
    const second = StateFile.open(folder);
    expect(second.state).toEqual(first.state);
    expect(second.state.ports).toEqual({ redis: 26_380 });
    expect(new Set(Object.values(second.state.passwords)).size).toBe(3);
  });

  test('is its owner’s alone, written whole, with nothing left beside it', () => {
    StateFile.open(folder).setPort('redis', 26_380);
    expect(statSync(join(folder, 'state.json')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o711);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  test('remembers a process until it has ended', async () => {
    const file = StateFile.open(folder);
    const child = spawn('sleep', ['60']);
    file.setProcess('redis', child.pid);
    expect(StateFile.open(folder).running('redis')).toEqual(identify(child.pid!));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(StateFile.open(folder).running('redis')).toBeUndefined();
    file.setProcess('redis', undefined);
    expect(file.state.processes).toEqual({});
  });

  test('that is damaged is told with the way out', () => {
    writeFileSync(join(folder, 'state.json'), '{"version": 1');
    expect(() => StateFile.open(folder)).toThrow('npm run reset');
  });
});

describe('the folder’s lock', () => {
  test('is had by one process at a time', () => {
    const release = lockFolder(folder);
    expect(lockFolder(folder)).toBe(process.pid);
    expect(lockOwner(folder)).toBe(process.pid);
    (release as () => void)();
    expect(lockOwner(folder)).toBeUndefined();
    (lockFolder(folder) as () => void)();
  });

  test('of a process that is gone counts for nothing', () => {
    writeFileSync(
      join(folder, 'lock.json'),
      JSON.stringify({ pid: process.pid, started: 'before the crash' }),
    );
    expect(lockOwner(folder)).toBeUndefined();
    const release = lockFolder(folder);
    expect(typeof release).toBe('function');
    (release as () => void)();
  });
});
