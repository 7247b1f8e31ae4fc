import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { isRunning } from '../servers/process-identity.ts';
import { StateFile } from '../servers/state.ts';
import { rotateLog } from './log-file.ts';
import { Supervisor } from './supervisor.ts';

let folder: string;
let file: StateFile;
let supervisor: Supervisor;
let events: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-supervisor-'));
  file = StateFile.open(folder);
  events = [];
  supervisor = new Supervisor({ file, onEvent: (text) => events.push(text) });
});
afterEach(async () => {
  supervisor.kill();
  await supervisor.stop(supervisor.all);
  supervisor.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A stage of the test's own. */
function program(name: string, source: string) {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, source);
  return async () => ({ args: [path], env: process.env, readyUrl: 'http://127.0.0.1:1/readyz' });
}
const STAYS = `process.on('SIGTERM', () => { console.log('in order'); process.exit(0); }); setInterval(() => {}, 1000); console.log('up');`;
const log = (name: string) => readFileSync(supervisor.logOf(name), 'utf8');

describe('the supervisor', () => {
  test('starts a process again that was killed, and knows it by its new pid', async () => {
    await supervisor.start('results', program('results', STAYS));
    await until('it is up', () => log('results').includes('up'));
    const first = file.running('stage:results')!;
    process.kill(first.pid, 'SIGKILL');
    await until('another one runs', () => {
      const now = file.running('stage:results');
      return now !== undefined && now.pid !== first.pid;
    });
    expect(events).toEqual(['results ended (code 137); starting it again']);
  });

  test('stops a process gently, and does not start it again', async () => {
    await supervisor.start('results', program('results', STAYS));
    await until('it is up', () => log('results').includes('up'));
    await supervisor.stop(['results']);
    expect(log('results')).toBe('up\nin order\n');
    expect(supervisor.names).toEqual([]);
    expect(file.state.processes).toEqual({});
    expect(events).toEqual([]);
  });

  test('tells the log’s last lines of a process that can’t start', async () => {
    await supervisor.start(
      'results',
      program('results', `console.error('the port is taken'); process.exit(1);`),
    );
    await expect(supervisor.ready('results')).rejects.toThrow(
      /results ended with code 1(.|\n)*the port is taken/,
    );
  });

  test('does not try again when the settings are wrong', async () => {
    await supervisor.start(
      'results',
      program('results', `console.error('PORT: must be a number'); process.exit(2);`),
    );
    await expect(supervisor.ready('results')).rejects.toThrow('PORT: must be a number');
    expect(events).toHaveLength(1);
    expect(existsSync(`${supervisor.logOf('results')}.1`)).toBe(false);
  });

  test('ends what a killed supervisor has left before it starts anew', async () => {
    await supervisor.start('results', program('results', STAYS));
    await until('it is up', () => log('results').includes('up'));
    const left = file.running('stage:results')!;
    const next = new Supervisor({ file: StateFile.open(folder), onEvent: () => {} });
    // The first one, as if it were gone, does not react any more.
    supervisor.close();
    await next.start('results', program('results', STAYS));
    expect(isRunning(left)).toBe(false);
    await next.stop(['results']);
    next.close();
  });
});

test('a log that has grown too large is set aside, the oldest thrown away', () => {
  const path = join(folder, 'stage.log');
  for (const content of ['first', 'second', 'third', 'fourth', 'fifth']) {
    writeFileSync(path, content);
    rotateLog(path, 5);
  }
  expect(readFileSync(path, 'utf8')).toBe('');
  expect([1, 2, 3].map((n) => readFileSync(`${path}.${n}`, 'utf8'))).toEqual(['fifth', 'fourth', 'third']);
  expect(existsSync(`${path}.4`)).toBe(false);
});
