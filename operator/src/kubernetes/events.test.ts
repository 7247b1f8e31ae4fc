import { beforeEach, expect, test } from '@jest/globals';
import type { CoreV1Event } from '@kubernetes/client-node';
import { createLog } from '@scrutin/shared/log.ts';
import type { RawElection } from './election-informer.ts';
import { EventRecorder } from './events.ts';
import { FakeClock } from './testing/fake-clock.ts';

const election = (uid = 'u'): RawElection => ({
  metadata: { name: 'a', namespace: 'ns', uid, resourceVersion: '1' },
});

let clock: FakeClock;
let written: CoreV1Event[];
let recorder: EventRecorder;
beforeEach(() => {
  clock = new FakeClock();
  written = [];
  recorder = new EventRecorder({
    write: async (event) => {
      written.push(event);
    },
    identity: 'me',
    log: createLog({ stage: 'test', level: 'silent' }),
    clock,
  });
});

test('the same thing again is the same Event with a count', async () => {
  for (let i = 0; i < 3; i++) {
    recorder.record(election(), { type: 'Warning', reason: 'Unreachable', message: 'Redis does not answer' });
    await clock.advance(1_000);
  }
  await recorder.flush();
  expect(new Set(written.map(({ metadata }) => metadata.name)).size).toBe(1);
  expect(written.map(({ count }) => count)).toEqual([1, 2, 3]);
  expect(written[2]!.lastTimestamp!.getTime() - written[2]!.firstTimestamp!.getTime()).toBe(2_000);
});

test('another message, or another Election of that name, is another Event', async () => {
  recorder.record(election(), { type: 'Normal', reason: 'Open', message: 'x' });
  recorder.record(election(), { type: 'Normal', reason: 'Open', message: 'y' });
  recorder.record(election('other'), { type: 'Normal', reason: 'Open', message: 'x' });
  await recorder.flush();
  expect(new Set(written.map(({ metadata }) => metadata.name)).size).toBe(3);
});

test('an Election that changes without end is told 25 times, then once a minute; others are not affected', async () => {
  for (let i = 0; i < 100; i++)
    recorder.record(election(), { type: 'Normal', reason: 'Changed', message: String(i) });
  recorder.record(election('other'), { type: 'Normal', reason: 'Open', message: 'x' });
  await recorder.flush();
  expect(written).toHaveLength(26);
  await clock.advance(60_000);
  for (let i = 0; i < 5; i++)
    recorder.record(election(), { type: 'Normal', reason: 'Changed', message: `again ${i}` });
  await recorder.flush();
  expect(written).toHaveLength(27);
});

test('a message that is too long is cut, and one that can’t be written holds nothing up', async () => {
  recorder.record(election(), { type: 'Warning', reason: 'Long', message: 'x'.repeat(5_000) });
  await recorder.flush();
  expect(written[0]!.message).toHaveLength(1_024);
  const failing = new EventRecorder({
    write: () => Promise.reject(new Error('namespace is being terminated')),
    identity: 'me',
    log: createLog({ stage: 'test', level: 'silent' }),
  });
  failing.record(election(), { type: 'Normal', reason: 'Open', message: 'x' });
  await failing.flush();
});
