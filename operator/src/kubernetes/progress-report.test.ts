import { expect, test } from '@jest/globals';
import type { ElectorateCount } from './election-ports.ts';
import { ProgressReport } from './progress-report.ts';
import { FakeClock } from './testing/fake-clock.ts';

const count = (processed: number): ElectorateCount => ({
  processed,
  unique: processed,
  duplicates: 0,
  errors: 0,
});

function reportUnderTest(read: () => Promise<ElectorateCount | undefined>) {
  const clock = new FakeClock();
  const written: number[] = [];
  const report = new ProgressReport({
    clock,
    read,
    write: async ({ processed }) => {
      written.push(processed);
    },
  });
  return { clock, written, report };
}

test('a load is reported every second until it is over', async () => {
  let processed = 0;
  const { clock, written, report } = reportUnderTest(async () => {
    processed += 10;
    return count(processed);
  });
  await clock.advance(999);
  expect(written).toEqual([]);
  await clock.advance(2_001);
  expect(written).toEqual([10, 20, 30]);
  await report.stop();
  await clock.advance(60_000);
  expect(written).toHaveLength(3);
  expect(clock.timers).toBe(0);
});

test('nothing is reported while nothing is loaded, and a report that fails is left out', async () => {
  let turn = 0;
  const { clock, written, report } = reportUnderTest(async () => {
    turn++;
    if (turn === 2) throw new Error('Redis is away');
    return turn === 1 ? undefined : count(turn);
  });
  await clock.advance(3_000);
  expect(written).toEqual([3]);
  await report.stop();
});
