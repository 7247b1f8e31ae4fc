import { HASH_BYTES } from './voter-hasher.ts';

/** Digits of a hash as files hold it. */
export const HASH_DIGITS = HASH_BYTES * 2;

/** Value of each hexadecimal digit's byte, either case; 255 for every other byte. */
const DIGIT = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  DIGIT[digit.charCodeAt(0)] = value;
  DIGIT[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Writes the bytes of the 64 digits at `from` to `target`, or returns false: they aren't digits all. */
function decodeHash(digits: Uint8Array, from: number, target: Uint8Array): boolean {
  let bad = 0;
  for (let i = 0; i < HASH_BYTES; i++) {
    const high = DIGIT[digits[from + 2 * i]!]!;
    const low = DIGIT[digits[from + 2 * i + 1]!]!;
    bad |= high | low;
    target[i] = (high << 4) | low;
  }
  return bad < 16;
}

export const NUL = 0;
export const LINE_FEED = 10;

/** What a {@link HashLexer} found. Called in the order of the bytes. */
export interface LexerEvents {
  /** A token that is a hash: its 32 bytes, valid during the call only. */
  hash(bytes: Uint8Array): void;
  /** Any other token: its length, and its first bytes as text. */
  other(start: string, length: number): void;
  /** A byte that stands between tokens, blanks excepted. */
  separator(byte: number): void;
}

/**
 * Cuts bytes into tokens at separators, in constant memory: of a token that is longer than a hash only its
 * beginning is kept. Tokens may lie across chunks.
 */
export class HashLexer {
  readonly #separates: Uint8Array;
  readonly #events: LexerEvents;
  readonly #token = Buffer.alloc(HASH_DIGITS + 1);
  readonly #scratch = new Uint8Array(HASH_BYTES);
  #length = 0;

  /** @param separators bytes between tokens; blank, tab, CR, LF and NUL are so always */
  constructor(separators: string, events: LexerEvents) {
    this.#separates = new Uint8Array(256);
    for (const byte of Buffer.from(`\0 \t\r\n${separators}`)) this.#separates[byte] = 1;
    this.#events = events;
  }

  push(chunk: Uint8Array): void {
    const separates = this.#separates;
    const size = chunk.length;
    let at = 0;
    while (at < size) {
      const byte = chunk[at]!;
      if (separates[byte] === 1) {
        if (this.#length > 0) this.end();
        if (byte !== 32 && byte !== 9 && byte !== 13) this.#events.separator(byte);
        at++;
        continue;
      }
      // Nearly always a whole hash lies ahead: it is taken without a copy.
      if (this.#length === 0 && at + HASH_DIGITS < size && separates[chunk[at + HASH_DIGITS]!] === 1) {
        if (decodeHash(chunk, at, this.#scratch)) {
          this.#events.hash(this.#scratch);
          at += HASH_DIGITS;
          continue;
        }
      }
      const from = at;
      while (at < size && separates[chunk[at]!] === 0) at++;
      const room = this.#token.length - Math.min(this.#length, this.#token.length);
      if (room > 0) this.#token.set(chunk.subarray(from, Math.min(at, from + room)), this.#length);
      this.#length += at - from;
    }
  }

  /** The last token ends here. */
  end(): void {
    const length = this.#length;
    if (length === 0) return;
    this.#length = 0;
    if (length === HASH_DIGITS && decodeHash(this.#token, 0, this.#scratch)) this.#events.hash(this.#scratch);
    else this.#events.other(this.#token.toString('latin1', 0, Math.min(length, HASH_DIGITS)), length);
  }
}
