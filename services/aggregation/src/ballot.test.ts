import { describe, expect, test } from '@jest/globals';
import { candidates, distinctBallots, outranks } from './ballot.ts';
import { duplicate, invalid, validated } from './testing/votes.ts';

describe('one ballot delivered several times in a batch', () => {
  test('is taken once, with its strongest status, in whatever order', () => {
    const deliveries = [invalid({ ballot: 'a' }), duplicate({ ballot: 'a' }), validated({ ballot: 'a' })];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ])
      expect(distinctBallots(order.map((i) => deliveries[i]!))).toEqual([validated({ ballot: 'a' })]);
  });

  test('of equal deliveries the first is taken', () => {
    const first = validated({ ballot: 'a', choice: 'oui' });
    expect(distinctBallots([first, validated({ ballot: 'a', choice: 'non' })])).toEqual([first]);
  });
});

test('of a voter’s validated ballots on a law only the first may be counted', () => {
  const votes = [
    duplicate({ ballot: 'x', voter: 'v' }),
    validated({ ballot: 'a', voter: 'v' }),
    validated({ ballot: 'b', voter: 'v' }),
    validated({ ballot: 'c', voter: 'v', law: 'loi-2' }),
    invalid({ ballot: 'y' }),
  ];
  expect(candidates(votes)).toEqual([votes[1], votes[3]]);
});

test('a status only rises', () => {
  expect(outranks('aggregated', 'duplicate')).toBe(true);
  expect(outranks('duplicate', 'invalid')).toBe(true);
  expect(outranks('duplicate', 'aggregated')).toBe(false);
  expect(outranks('duplicate', 'duplicate')).toBe(false);
});
