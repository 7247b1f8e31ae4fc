import { describe, expect, test } from '@jest/globals';
import { miscounted } from './check-counts.ts';
import { LoadSummary } from './summary.ts';

const LAWS = ['loi-1'];
const nothing = {
  laws: { 'loi-1': { oui: 10, non: 0 } },
  outcomes: { aggregated: 10, duplicate: 1, invalid: 2 },
};
const summary = (counts: Record<string, number>) =>
  new LoadSummary({
    metrics: Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, { count }])),
  });
const tally = (oui: number, non: number, duplicate = 1, invalid = 2) => ({
  laws: { 'loi-1': { oui, non } },
  outcomes: { aggregated: oui + non, duplicate, invalid },
});

describe('miscounted', () => {
  const accepted = { accepted_law0_oui: 5, accepted_law0_non: 2, accepted_repeats: 3, accepted_strangers: 1 };

  test('finds nothing when exactly what was accepted was added', () => {
    expect(miscounted(summary(accepted), LAWS, nothing, tally(15, 2, 4, 3))).toEqual([]);
  });

  test('tells votes that were lost and votes that nobody cast', () => {
    const wrong = miscounted(summary(accepted), LAWS, nothing, tally(14, 3, 4, 3));
    expect(wrong).toEqual([
      'loi-1 oui: 1 of 5 accepted votes are not counted',
      'loi-1 non: 3 counted, 2 cast',
    ]);
  });

  test('tells a second vote that was not recorded as a duplicate, and a stranger who was not found out', () => {
    expect(miscounted(summary(accepted), LAWS, nothing, tally(15, 2, 3, 2))).toEqual([
      '2 recorded as duplicate, 3 accepted as such',
      '0 recorded as invalid, 1 accepted as such',
    ]);
  });

  test('takes a vote of unknown outcome as counted or not, but not as counted twice', () => {
    const unknown = summary({ ...accepted, unknown_law0_oui: 1 });
    expect(miscounted(unknown, LAWS, nothing, tally(15, 2, 4, 3))).toEqual([]);
    expect(miscounted(unknown, LAWS, nothing, tally(16, 2, 4, 3))).toEqual([]);
    expect(miscounted(unknown, LAWS, nothing, tally(17, 2, 4, 3))).toEqual(['loi-1 oui: 7 counted, 6 cast']);
  });
});
