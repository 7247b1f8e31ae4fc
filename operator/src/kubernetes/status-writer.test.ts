import { beforeEach, expect, test } from '@jest/globals';
import type { ElectionStatus } from '../election-resource.ts';
import type { RawElection } from './election-informer.ts';
import { StatusWriter } from './status-writer.ts';

const election = (status?: object): RawElection => ({
  metadata: { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '1' },
  ...(status && { status }),
});
const status = (votes: number): ElectionStatus => ({ phase: 'Open', conditions: [], votes });

let written: ElectionStatus[];
let mayWrite: boolean;
let fails: boolean;
let writer: StatusWriter;
beforeEach(() => {
  written = [];
  mayWrite = true;
  fails = false;
  writer = new StatusWriter({
    write: async (_, next) => {
      if (fails) throw new Error('no answer');
      written.push(next);
    },
    fence: () => {
      if (!mayWrite) throw new Error('this process leads no more');
    },
  });
});

test('the same status is written once', async () => {
  expect(await writer.put(election(), status(1))).toBe(true);
  expect(await writer.put(election(status(1)), status(1))).toBe(false);
  expect(await writer.put(election(status(1)), status(2))).toBe(true);
  expect(written).toHaveLength(2);
});

test('what is stored already is not written by a process that has just begun', async () => {
  expect(await writer.put(election(status(1)), status(1))).toBe(false);
  expect(written).toEqual([]);
});

test('an informer that is behind brings back no older status', async () => {
  await writer.put(election(status(1)), status(2));
  expect(writer.current(election(status(1)))).toEqual(status(2));
});

test('a write that failed is done again', async () => {
  fails = true;
  await expect(writer.put(election(), status(1))).rejects.toThrow('no answer');
  fails = false;
  expect(await writer.put(election(), status(1))).toBe(true);
});

test('a process that leads no more writes nothing', async () => {
  mayWrite = false;
  await expect(writer.put(election(), status(1))).rejects.toThrow('leads no more');
  expect(written).toEqual([]);
});
