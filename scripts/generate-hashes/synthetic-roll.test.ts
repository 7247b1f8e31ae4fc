import { describe, expect, it } from '@jest/globals';
import { normalizeCode } from '@scrutin/shared/code.ts';
import { normalizeNas, passesLuhn } from '@scrutin/shared/nas.ts';
import fc from 'fast-check';
import { MOST_ELECTORS, syntheticElectors } from './synthetic-roll.ts';

describe('made-up electors', () => {
  it('have a valid NAS and code each, whatever the seed', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 300 }), (seed, count) => {
        const electors = [...syntheticElectors(count, seed)];
        expect(electors).toHaveLength(count);
        for (const { nas, code } of electors) {
          expect(normalizeNas(nas)).toBe(nas);
          expect(passesLuhn(nas)).toBe(true);
          expect(normalizeCode(code)).toBe(code);
        }
      }),
    );
  });

  it('are the same for the same seed and others for another', () => {
    const roll = (seed: string) => JSON.stringify([...syntheticElectors(1_000, seed)]);
    expect(roll('a')).toBe(roll('a'));
    expect(roll('a')).not.toBe(roll('b'));
  });

  it('have distinct NAS, and begin with a digit that nobody has', () => {
    const seen = new Set<string>();
    for (const { nas } of syntheticElectors(300_000, 'distinct')) if (nas.startsWith('0')) seen.add(nas);
    expect(seen.size).toBe(300_000);
  });

  it('have distinct NAS too when one first digit is used up after the other', () => {
    const electors = [...syntheticElectors(10_000, 'blocks', 1_000)];
    expect(new Set(electors.map(({ nas }) => nas)).size).toBe(10_000);
    const digits = electors
      .map(({ nas }) => nas[0])
      .filter((_digit, i) => i % 1_000 === 0 || i % 1_000 === 999);
    expect(digits.join('')).toBe('00881122334455667799');
  });

  it('use every letter and digit in their codes', () => {
    const used = new Set([...syntheticElectors(1_000, 'x')].flatMap(({ code }) => [...code]));
    expect(used.size).toBe(36);
  });

  it('can’t be more than there are NAS, nor a part of one', () => {
    for (const count of [-1, 1.5, MOST_ELECTORS + 1, Number.NaN])
      expect(() => syntheticElectors(count, '').next()).toThrow(RangeError);
  });
});
