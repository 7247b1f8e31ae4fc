import fc from 'fast-check';
import { PEOPLE } from './electorate-of-model.ts';
import type { Submission } from './history.ts';
import type { Schedule } from './run-schedule.ts';

/** Few people and keys, so that ballots meet. A key goes with one choice: which of two was first is open otherwise. */
const submissionArbitrary: fc.Arbitrary<Submission> = fc
  .record({
    person: fc.constantFrom(0, 0, 0, 1, 2, PEOPLE.length - 1),
    law: fc.constantFrom(0, 0, 0, 1),
    choice: fc.constantFrom('oui' as const, 'non' as const),
    key: fc.option(fc.nat(1), { nil: undefined }),
  })
  .map((submission) => ({
    ...submission,
    ...(submission.key !== undefined && { choice: submission.key === 0 ? 'oui' : 'non' }),
  }));

/** A step's choice and target in one number, with room for both. */
const stepArbitrary = fc.nat(64 * 4_096 - 1);

export const scheduleArbitrary: fc.Arbitrary<Schedule> = fc.record({
  validations: fc.integer({ min: 1, max: 2 }),
  aggregations: fc.integer({ min: 1, max: 2 }),
  shards: fc.integer({ min: 1, max: 2 }),
  deliveryLimit: fc.constantFrom(50, 50, 50, 1),
  faultEvery: fc.constantFrom(1, 2, 4, 16),
  refused: fc.option(fc.nat(5), { nil: undefined, freq: 12 }),
  submissions: fc.array(submissionArbitrary, { minLength: 1, maxLength: 6 }),
  steps: fc.array(stepArbitrary, { maxLength: 150, size: 'max' }),
});
