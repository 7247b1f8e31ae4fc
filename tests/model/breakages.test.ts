import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { breakages } from './breakages.ts';
import { STATEMENTS } from './ledger-statements.ts';
import { connect } from './simulated-amqplib.ts';

jest.unstable_mockModule('amqplib', () => ({ connect }));
const { runSchedule, Violation } = await import('./run-schedule.ts');
const { scheduleArbitrary } = await import('./schedule-arbitrary.ts');

/** Far more than any of them needs with this seed. */
const MOST_RUNS = 5_000;
const SEED = 1;

test.each(Object.entries(breakages(STATEMENTS)))(
  'the model check finds it if %s',
  async (_, breakage) => {
    const property = fc.asyncProperty(scheduleArbitrary, async (schedule) => {
      await runSchedule(schedule, breakage);
    });
    const details = await fc.check(property, { numRuns: MOST_RUNS, seed: SEED, endOnFailure: true });
    expect(details.errorInstance).toBeInstanceOf(Violation);
  },
  120_000,
);
