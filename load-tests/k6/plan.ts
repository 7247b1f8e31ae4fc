/**
 * Which vote an iteration casts. k6 runs it in every VU and Node checks with it afterwards, so it imports nothing and
 * is a function of the iteration's number alone: no elector votes twice on a law, whatever VU draws the number.
 */
export interface Cast {
  /** Index on the roll. */
  elector: number;
  /** Index among the laws. */
  law: number;
  choice: 'oui' | 'non';
}

/** The cast of number `n`, from 0 on: the electors in turn, each on every law. */
export function castOf(n: number, laws: number): Cast {
  return { elector: Math.floor(n / laws), law: n % laws, choice: mixed(n) % 5 < 3 ? 'oui' : 'non' };
}

/** Spreads neighbouring numbers: Knuth's multiplicative hash, The Art of Computer Programming 6.4. */
const mixed = (n: number): number => (Math.imul(n + 1, 2_654_435_761) >>> 0) >>> 16;

/** k6's name of a counter; names of metrics may hold letters, digits and underscores only. */
export const counterName = (outcome: 'accepted' | 'unknown', law: number, choice: 'oui' | 'non'): string =>
  `${outcome}_law${law}_${choice}`;
