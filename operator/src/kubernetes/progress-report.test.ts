import { expect, test } from '@jest/globals';
import type { Phase } from '../election-resource.ts';
import type { ElectorateCount } from './election-ports.ts';
import { ProgressReport, withProgress } from './progress-report.ts';
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

test('a load that goes on makes a new or failed Election Preparing, and leaves one that votes are taken for as it is', () => {
  const after = (phase: Phase | undefined) => withProgress({ ...(phase && { phase }), votes: 1 }, count(10));
  expect(after(undefined)).toEqual({ phase: 'Preparing', conditions: [], votes: 1, electorate: count(10) });
  expect(after('Failed')?.phase).toBe('Preparing');
  expect(after('Open')?.phase).toBe('Open');
});

test('a load that has yet to begin is told only where nothing has been said', () => {
  expect(withProgress(undefined, count(0))?.phase).toBe('Preparing');
  expect(withProgress({ phase: 'Failed' }, count(0))).toBeUndefined();
});
