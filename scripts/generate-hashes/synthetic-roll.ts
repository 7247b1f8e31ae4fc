import { type Cipheriv, createCipheriv, hash } from 'node:crypto';

/** A person on a roll: NAS of nine digits, code of six upper-case characters. */
export interface Elector {
  nas: string;
  code: string;
}

/** As many eight-digit bodies, and so as many distinct NAS, exist. */
export const MOST_ELECTORS = 100_000_000;

/**
 * First digits in the order in which they are used: 0 and 8 are given to nobody in Canada, so that twenty million
 * people can be made up without meeting a real person's NAS.
 */
const FIRST_DIGITS = [0, 8, 1, 2, 3, 4, 5, 6, 7, 9];
const BLOCK = MOST_ELECTORS / FIRST_DIGITS.length;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const HALF_CODES = Array.from(
  { length: ALPHABET.length ** 3 },
  (_, i) => ALPHABET[Math.floor(i / 1296)]! + ALPHABET[Math.floor(i / 36) % 36]! + ALPHABET[i % 36]!,
);
const FOUR_DIGITS = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(4, '0'));
/** Luhn's sum of four digits whose second and fourth are doubled, as they are in a NAS (ISO/IEC 7812-1, annex B). */
const LUHN_SUMS = FOUR_DIGITS.map((digits) =>
  [...digits].reduce((sum, digit, i) => {
    const weighted = Number(digit) * (i % 2 === 1 ? 2 : 1);
    return sum + (weighted > 9 ? weighted - 9 : weighted);
  }, 0),
);

/**
 * Makes up `count` electors with distinct, valid NAS, the same ones for the same seed. Distinct without a
 * memory of those before: the bodies are a walk over each block of ten million with a stride that shares no
 * factor with its size, so it comes back only after all of them.
 * `perDigit` is how many begin with one digit before the next has its turn.
 * Throws a `RangeError` if `count` is not a whole number from 0 to {@link MOST_ELECTORS}.
 */
export function* syntheticElectors(count: number, seed: string, perDigit = BLOCK): Generator<Elector> {
  if (!Number.isInteger(count) || count < 0 || count > MOST_ELECTORS)
    throw new RangeError(`count must be a whole number from 0 to ${MOST_ELECTORS}`);
  const random = new RandomNumbers(seed);
  for (let made = 0; made < count; ) {
    const base = FIRST_DIGITS[Math.floor(made / perDigit)]! * BLOCK;
    const stride = strideBelow(BLOCK, random);
    let place = random.next() % BLOCK;
    for (let i = 0; i < perDigit && made < count; i++, made++) {
      const body = base + place;
      const high = Math.floor(body / 10_000);
      const low = body % 10_000;
      const check = (10 - ((LUHN_SUMS[high]! + LUHN_SUMS[low]!) % 10)) % 10;
      yield {
        nas: FOUR_DIGITS[high]! + FOUR_DIGITS[low]! + check,
        code: HALF_CODES[random.next() % HALF_CODES.length]! + HALF_CODES[random.next() % HALF_CODES.length]!,
      };
      place = (place + stride) % BLOCK;
    }
  }
}

/** A number without the factors 2 and 5, and so none in common with a power of ten. */
function strideBelow(size: number, random: RandomNumbers): number {
  for (;;) {
    const stride = random.next() % size;
    if (stride % 2 !== 0 && stride % 5 !== 0) return stride;
  }
}

/** Unpredictable without the seed, repeatable with it: the key stream of AES-256-CTR. */
class RandomNumbers {
  readonly #cipher: Cipheriv;
  readonly #zeros = Buffer.alloc(1 << 16);
  #bytes = Buffer.alloc(0);
  #at = 0;

  constructor(seed: string) {
    this.#cipher = createCipheriv('aes-256-ctr', hash('sha256', seed, 'buffer'), Buffer.alloc(16));
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    if (this.#at === this.#bytes.length) {
      this.#bytes = this.#cipher.update(this.#zeros);
      this.#at = 0;
    }
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }
}
