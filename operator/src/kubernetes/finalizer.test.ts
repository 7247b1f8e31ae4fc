import { beforeEach, expect, test } from '@jest/globals';
import type { RawElection } from './election-informer.ts';
import { FINALIZER } from './election-names.ts';
import { Finalizer } from './finalizer.ts';
import { FakeClock } from './testing/fake-clock.ts';

const election = (finalizers: string[]): RawElection => ({
  metadata: { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '1', finalizers },
});
const fail = () => Promise.reject(new Error('RabbitMQ does not answer'));

let applied: (readonly string[])[];
let refusal: Error | undefined;
let finalizer: Finalizer;
beforeEach(() => {
  applied = [];
  refusal = undefined;
  finalizer = new Finalizer({
    apply: async (_, finalizers) => {
      if (refusal) throw refusal;
      applied.push(finalizers);
    },
    tries: 3,
  });
});

test('it is put on once and taken off again as wanted', async () => {
  await finalizer.set(election([]), true);
  await finalizer.set(election([FINALIZER]), true);
  await finalizer.set(election(['others.example/keep', FINALIZER]), false);
  await finalizer.set(election(['others.example/keep']), false);
  expect(applied).toEqual([[FINALIZER], []]);
});

test('an Election goes when all that it owns has been removed', async () => {
  let removed = 0;
  const remove = async () => {
    removed++;
  };
  expect(await finalizer.finalize(election([FINALIZER]), remove)).toEqual({ state: 'done' });
  expect([removed, applied]).toEqual([1, [[]]]);
});

test('what can’t be removed is tried a few times, then the Election is let go all the same', async () => {
  const states: string[] = [];
  for (let i = 0; i < 3; i++) states.push((await finalizer.finalize(election([FINALIZER]), fail)).state);
  expect(states).toEqual(['retry', 'retry', 'abandoned']);
  expect(applied).toEqual([[]]);
});

test('a server that is restarted is waited for, however often that is tried', async () => {
  const clock = new FakeClock();
  const patient = new Finalizer({
    apply: async (_, finalizers) => {
      applied.push(finalizers);
    },
    tries: 3,
    holdMs: 300_000,
    clock,
  });
  for (let i = 0; i < 29; i++) {
    expect((await patient.finalize(election([FINALIZER]), fail)).state).toBe('retry');
    await clock.advance(10_000);
  }
  expect(applied).toEqual([]);
  await clock.advance(10_000);
  expect((await patient.finalize(election([FINALIZER]), fail)).state).toBe('abandoned');
  expect(applied).toEqual([[]]);
});

test('a server that takes the question and never answers does not hold an Election for ever', async () => {
  const clock = new FakeClock();
  const apply = async (_: RawElection, finalizers: readonly string[]) => {
    applied.push(finalizers);
  };
  const patient = new Finalizer({ apply, holdMs: 300_000, clock });
  const finalized = patient.finalize(election([FINALIZER]), () => new Promise(() => {}));
  await clock.advance(299_000);
  expect(applied).toEqual([]);
  await clock.advance(2_000);
  expect(applied).toEqual([[]]);
  expect(await finalized).toMatchObject({
    state: 'abandoned',
    error: { message: 'the removal has not ended after 300 s' },
  });
  expect(clock.timers).toBe(0);
});

test('nothing is removed for an Election that is not the operator’s to hold', async () => {
  let removed = 0;
  await finalizer.finalize(election(['others.example/keep']), async () => {
    removed++;
  });
  expect(removed).toBe(0);
});

test('an Election that is gone when it is let go is done', async () => {
  refusal = Object.assign(new Error('not found'), { statusCode: 404 });
  expect(await finalizer.finalize(election([FINALIZER]), async () => {})).toEqual({ state: 'done' });
  refusal = Object.assign(new Error('the API server is away'), { statusCode: 503 });
  await expect(finalizer.finalize(election([FINALIZER]), async () => {})).rejects.toThrow('away');
});
