import { electorHash } from '@scrutin/shared/voter-hash.ts';
import type { Elector } from '../../load-tests/plan-votes.ts';

const NAS_FORM = /(?<![0-9A-Za-z])\d{3}[ -]?\d{3}[ -]?\d{3}(?![0-9A-Za-z])/g;
const CODE_FORM = /QZ[0-9A-Z]{4}/g;
const HASH_FORM = /[0-9a-f]{64}/gi;

/** Finds what the electors' requests held (P4) in whatever a run has left behind. */
export class LeakSearch {
  readonly #nas: Set<string>;
  readonly #codes: Set<string>;
  readonly #hashes: Set<string>;

  constructor(electors: readonly Elector[]) {
    this.#nas = new Set(electors.map(({ nas }) => nas));
    this.#codes = new Set(electors.map(({ code }) => code));
    this.#hashes = new Set(electors.map(({ nas, code }) => electorHash(nas, code).toString('hex')));
  }

  /** How many NAS, codes and unpeppered hashes the text holds. Lower case counts too. */
  count(text: string): { nas: number; codes: number; hashes: number } {
    const among = (form: RegExp, known: Set<string>, normal: (found: string) => string) =>
      (text.match(form) ?? []).filter((found) => known.has(normal(found))).length;
    return {
      nas: among(NAS_FORM, this.#nas, (found) => found.replace(/[ -]/g, '')),
      codes: among(new RegExp(CODE_FORM, 'gi'), this.#codes, (found) => found.toUpperCase()),
      hashes: among(HASH_FORM, this.#hashes, (found) => found.toLowerCase()),
    };
  }
}

export const NO_LEAK = { nas: 0, codes: 0, hashes: 0 };
