import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Schedule } from './run-schedule.ts';
import { connect } from './simulated-amqplib.ts';
import { whileTimeLasts } from './while-time-lasts.ts';

jest.unstable_mockModule('amqplib', () => ({ connect }));
const { runSchedule } = await import('./run-schedule.ts');
const { scheduleArbitrary } = await import('./schedule-arbitrary.ts');

/** How long to look: schedules at the most, and seconds. A failure is repeated by its seed and path. */
const { MODEL_RUNS = '20000', MODEL_SECONDS = '75', MODEL_SEED, MODEL_PATH } = process.env;
const SECONDS = Number(MODEL_SECONDS);

test(
  'whatever is killed, cut, restarted, lost or sent again, and in whatever order, the promises hold',
  async () => {
    const limited = whileTimeLasts(SECONDS, (schedule: Schedule) => runSchedule(schedule));
    const details = await fc.check(fc.asyncProperty(scheduleArbitrary, limited.run), {
      numRuns: Number(MODEL_RUNS),
      ...(MODEL_SEED !== undefined && { seed: Number(MODEL_SEED) }),
      ...(MODEL_PATH !== undefined && { path: MODEL_PATH, endOnFailure: true }),
    });
    console.log(`${limited.runs} schedules of the model, seed ${details.seed}`);
    if (!details.failed) return;
    const repeat = `MODEL_SEED=${details.seed} MODEL_PATH=${details.counterexamplePath}`;
    throw new Error(`${details.errorInstance}\n${repeat}\n${fc.stringify(details.counterexample)}`);
  },
  (SECONDS + 60) * 1_000,
);

test('a schedule runs the same way each time', async () => {
  const [schedule] = fc.sample(scheduleArbitrary, { seed: 7, numRuns: 1 });
  const first = await runSchedule(schedule!);
  expect(first.taken).toBeGreaterThan(50);
  expect(await runSchedule(schedule!)).toEqual(first);
});
