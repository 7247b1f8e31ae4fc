import { beforeEach, describe, expect, test } from '@jest/globals';
import type { QueueDepth } from '@scrutin/shared/queue-depths.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import { QueueWatch } from './queue-watch.ts';

let now: number;
let depths: Map<QueueName, QueueDepth>;
let watch: QueueWatch;
beforeEach(() => {
  now = Date.parse('2026-05-04T10:00:00.000Z');
  depths = new Map();
  set(0);
  watch = new QueueWatch({ depths: async () => depths, clock: () => now });
});

const set = (messages: number, queue: QueueName = QUEUES.validation) =>
  depths.set(queue, { messages, consumers: 0 });
const oldest = (queue: QueueName = QUEUES.validation) =>
  watch.states().find((state) => state.queue === queue)!.oldestSeconds;
const after = async (seconds: number) => {
  now += seconds * 1000;
  await watch.look();
};

describe('the age of the oldest vote that waits', () => {
  test('is 0 before the first look, and while the queue is empty', async () => {
    expect(oldest()).toBe(0);
    await after(100);
    expect(oldest()).toBe(0);
  });

  test('grows from when the queue was last empty, while nobody takes a vote', async () => {
    await after(1);
    set(3);
    for (let i = 0; i < 60; i++) await after(1);
    expect(oldest()).toBe(60);
    set(0);
    await after(1);
    expect(oldest()).toBe(0);
  });

  test('is that of the last vote that came through while the queue never empties', async () => {
    await after(1);
    set(500);
    for (let i = 0; i < 60; i++) {
      await after(1);
      watch.taken(new Date(now - 5_000).toISOString());
    }
    expect(oldest()).toBe(5);
    await after(20);
    expect(oldest()).toBe(25);
  });

  test('does not fall because an older vote comes through late', async () => {
    set(500);
    await after(1);
    watch.taken(new Date(now - 1_000).toISOString());
    watch.taken(new Date(now - 600_000).toISOString());
    expect(oldest()).toBe(1);
  });

  test('goes on growing while the broker can’t be asked, and says of nothing else then', async () => {
    set(3);
    await after(1);
    depths.clear();
    await after(30);
    expect(oldest()).toBe(30);
    expect(watch.states()[0]).toMatchObject({ ready: undefined, consumers: undefined });
  });

  test('counts from the first look on after a restart, until a vote comes through and tells more', async () => {
    set(3);
    await after(0);
    await after(10);
    expect(oldest()).toBe(10);
    watch.taken(new Date(now - 600_000).toISOString());
    expect(oldest()).toBe(600);
  });

  test('of what waits for a person does not fall with the votes that come through', async () => {
    set(1, QUEUES.review);
    await after(0);
    await after(3_600);
    watch.taken(new Date(now).toISOString());
    expect(oldest(QUEUES.review)).toBe(3_600);
  });
});
