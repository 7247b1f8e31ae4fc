import { expect, it } from '@jest/globals';
import { summaryOf } from './flood-summary.ts';
import { LoadSummary } from './summary.ts';

it('is read as what k6 exports', () => {
  const times = Array.from({ length: 100 }, (_, i) => 100 - i);
  const summary = new LoadSummary(
    summaryOf(
      new Map([
        ['accepted_requests', 3],
        ['accepted_law0_oui', 2],
      ]),
      new Map([['accept_ms', times]]),
      10,
    ) as ConstructorParameters<typeof LoadSummary>[0],
  );
  expect(summary.count('accepted_requests')).toBe(3);
  expect(summary.voters('accepted', ['loi-1'])).toEqual({ 'loi-1': { oui: 2, non: 0 } });
  expect(['med', 'p(95)', 'p(99)', 'max'].map((figure) => summary.trend('accept_ms', figure))).toEqual([
    50, 95, 99, 100,
  ]);
  expect(summary.crossed()).toEqual([]);
});

it('an answer that should not have been given crosses the threshold', () => {
  const summary = new LoadSummary(
    summaryOf(new Map([['unexpected', 1]]), new Map(), 10) as ConstructorParameters<typeof LoadSummary>[0],
  );
  expect(summary.crossed()).toEqual(['unexpected: count==0']);
});
