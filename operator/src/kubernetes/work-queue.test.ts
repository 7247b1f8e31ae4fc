import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock, settle } from './testing/fake-clock.ts';
import { WorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** A queue whose work ends when the test says so. */
function queueUnderTest(options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock();
  const begun: { key: string; at: number; end: (error?: Error) => void }[] = [];
  const errors: string[] = [];
  const queue = new WorkQueue({
    workers: 2,
    firstBackoffMs: 100,
    mostBackoffMs: 1_000,
    clock,
    random: () => 1,
    process: (key) =>
      new Promise((resolve, reject) => {
        begun.push({ key, at: clock.monotonic(), end: (error) => (error ? reject(error) : resolve()) });
      }),
    onError: (key) => errors.push(key),
    ...options,
  });
  return { queue, clock, begun, errors, keys: () => begun.map(({ key }) => key) };
}

test('a key that is added many times before its turn is worked on once', async () => {
  const { queue, begun, keys } = queueUnderTest({ workers: 1 });
  queue.add('a');
  for (let i = 0; i < 5; i++) queue.add('b');
  expect(queue.depth).toBe(1);
  begun[0]!.end();
  await settle();
  begun[1]!.end();
  await settle();
  expect(keys()).toEqual(['a', 'b']);
});

test('a key that is added while it is worked on is worked on again afterwards, not at the same time', async () => {
  const { queue, begun, keys } = queueUnderTest();
  queue.add('a');
  queue.add('a');
  queue.add('a');
  await settle();
  expect(keys()).toEqual(['a']);
  begun[0]!.end();
  await settle();
  expect(keys()).toEqual(['a', 'a']);
});

test('a failing key waits alone: the others go on, and it is tried again', async () => {
  const { queue, clock, begun, errors, keys } = queueUnderTest({ workers: 1 });
  queue.add('bad');
  begun[0]!.end(new Error('no'));
  await settle();
  queue.add('good');
  await settle();
  begun[1]!.end();
  await clock.advance(100);
  expect(keys()).toEqual(['bad', 'good', 'bad']);
  expect(errors).toEqual(['bad']);
});

test('the pauses of a key are 100, 200, 400, 800 and then 1000 ms, and begin anew once it is forgotten', async () => {
  const { queue, clock, begun } = queueUnderTest();
  const pauses: number[] = [];
  queue.add('bad');
  for (let i = 0; i < 7; i++) {
    const failedAt = clock.monotonic();
    begun.at(-1)!.end(new Error('no'));
    await settle();
    const count = begun.length;
    while (begun.length === count) await clock.advance(10);
    pauses.push(clock.monotonic() - failedAt);
    if (i === 5) queue.forget('bad');
  }
  expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000, 100]);
});

test('of two delays of a key the sooner counts, and work that begins before makes it void', async () => {
  const { queue, clock, begun, keys } = queueUnderTest();
  queue.addAfter('a', 500);
  queue.addAfter('a', 200);
  queue.addAfter('a', 900);
  await clock.advance(199);
  expect(keys()).toEqual([]);
  await clock.advance(1);
  expect(keys()).toEqual(['a']);
  begun[0]!.end();
  queue.addAfter('b', 300);
  queue.add('b');
  await clock.advance(1_000);
  expect(keys()).toEqual(['a', 'b']);
  expect(clock.timers).toBe(0);
});

test('a key that only waits takes no worker from the others, and is not worked on twice meanwhile', async () => {
  const begun: string[] = [];
  let arrive = () => {};
  const queue = new WorkQueue({
    workers: 1,
    onError: () => {},
    process: async (key, aside) => {
      begun.push(key);
      if (key === 'waits') await aside(() => new Promise<void>((resolve) => (arrive = resolve)));
      begun.push(`${key} done`);
    },
  });
  queue.add('waits');
  queue.add('a');
  queue.add('waits');
  queue.add('b');
  await settle();
  expect(begun).toEqual(['waits', 'a', 'a done', 'b', 'b done']);
  arrive();
  await settle();
  expect(begun.slice(5)).toEqual(['waits done', 'waits']);
  arrive();
  await queue.stop();
});

test('stopping waits for the work at hand, drops the rest and takes nothing more', async () => {
  const { queue, clock, begun, keys } = queueUnderTest({ workers: 1 });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  await clock.advance(100);
  expect(stopped).toBe(false);
  begun[0]!.end();
  await stopping;
  queue.add('d');
  await clock.advance(10_000);
  expect(keys()).toEqual(['a']);
  expect(clock.timers).toBe(0);
});

test('whatever is added, fails and takes its time: no key twice at once, no more than the workers, none forgotten', async () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('add'), key: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant('after'), key: fc.integer({ min: 0, max: 4 }), ms: fc.nat(300) }),
    fc.record({ kind: fc.constant('advance'), ms: fc.nat(400) }),
    fc.record({ kind: fc.constant('end'), which: fc.nat(7), fails: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (commands, workers) => {
        const clock = new FakeClock();
        const running = new Map<string, { begun: number; end: (error?: Error) => void }>();
        /** Key → the number of the last add that no work has begun after. */
        const owed = new Map<string, number>();
        let step = 0;
        const queue = new WorkQueue({
          workers,
          firstBackoffMs: 50,
          mostBackoffMs: 200,
          clock,
          onError: () => {},
          process: (key) => {
            expect(running.has(key)).toBe(false);
            expect(running.size).toBeLessThan(workers);
            owed.delete(key);
            return new Promise((resolve, reject) => {
              running.set(key, {
                begun: step,
                end: (error) => {
                  running.delete(key);
                  if (error) reject(error);
                  else resolve();
                },
              });
            });
          },
        });
        for (const next of commands) {
          step++;
          if ('fails' in next) {
            const entry = [...running.values()][next.which % Math.max(1, running.size)];
            entry?.end(next.fails ? new Error('no') : undefined);
          } else if (!('key' in next)) await clock.advance(next.ms);
          else if ('ms' in next) {
            owed.set(String(next.key), step);
            queue.addAfter(String(next.key), next.ms);
          } else {
            owed.set(String(next.key), step);
            queue.add(String(next.key));
          }
          await settle();
        }
        for (let turn = 0; turn < 60 && (owed.size > 0 || running.size > 0); turn++) {
          for (const { end } of [...running.values()]) end();
          await clock.advance(400);
        }
        expect([...owed]).toEqual([]);
        for (const { end } of [...running.values()]) end();
        await queue.stop();
        expect(queue.working).toBe(0);
        expect(clock.timers).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
