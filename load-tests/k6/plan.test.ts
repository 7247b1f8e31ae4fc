import { describe, expect, test } from '@jest/globals';
import { castOf } from './plan.ts';

describe('castOf', () => {
  test('gives no elector a second vote on a law, and each one a vote on every law', () => {
    const drawn = Array.from({ length: 3_000 }, (_, n) => castOf(n, 3));
    const pairs = new Set(drawn.map(({ elector, law }) => `${elector}/${law}`));
    expect(pairs.size).toBe(3_000);
    expect(Math.max(...drawn.map(({ elector }) => elector))).toBe(999);
  });

  test('is the same for the same number, so that a check can draw it again', () => {
    expect(castOf(12_345, 2)).toEqual(castOf(12_345, 2));
  });

  test('has both choices on every law, in no short cycle', () => {
    for (const law of [0, 1]) {
      const choices = Array.from({ length: 200 }, (_, i) => castOf(2 * i + law, 2).choice);
      const oui = choices.filter((choice) => choice === 'oui').length;
      expect(oui).toBeGreaterThan(80);
      expect(oui).toBeLessThan(160);
    }
  });
});
