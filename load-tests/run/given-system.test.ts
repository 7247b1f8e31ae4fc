import { expect, test } from '@jest/globals';
import { tallyOfResults } from './given-system.ts';

test('the counts of a given system are those that GET /api/v1/results tells', () => {
  const laws = [
    { law_id: 'loi-1', oui_count: 3, non_count: 1, total_votes: 4 },
    { law_id: 'loi-2', oui_count: 0, non_count: 2, total_votes: 2 },
  ];
  // `results` says when counts are shown.
  expect(tallyOfResults({ election_id: 'demo', results: 'live', laws })).toEqual({
    laws: { 'loi-1': { oui: 3, non: 1 }, 'loi-2': { oui: 0, non: 2 } },
    outcomes: { aggregated: 6, duplicate: 0, invalid: 0 },
  });
});
