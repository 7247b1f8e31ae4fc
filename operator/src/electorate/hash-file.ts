import { HASH_DIGITS, HashLexer, type LexerEvents, LINE_FEED, NUL } from './hash-lexer.ts';

export interface HashFileEvents {
  /** 32 bytes, valid during the call only. */
  hash(bytes: Uint8Array): void;
  /** Something is wrong in this line, counted from 1. The message doesn't repeat what stands there. */
  error(line: number, message: string): void;
}

/** Reads a hash file chunk by chunk. A damaged part costs an error and no good hash beside it. */
export interface HashFileReader {
  push(chunk: Uint8Array): void;
  end(): void;
}

/**
 * The reader for a file. JSON is known by its name or by its first character; everything else is text with
 * a hash a line.
 */
export function hashFileReader(name: string, start: Uint8Array, events: HashFileEvents): HashFileReader {
  const first = Buffer.from(start.subarray(0, 4096)).toString('latin1').trimStart().charAt(0);
  const json = /\.json$/i.test(name) || (first !== '' && '[{"'.includes(first));
  return json ? new JsonHashFile(events) : new TextHashFile(events);
}

const wrongToken = (length: number): string =>
  length === HASH_DIGITS
    ? `not a hash: other characters than ${HASH_DIGITS} hexadecimal digits`
    : `not a hash: ${length} characters instead of ${HASH_DIGITS}`;
const NUL_BYTES = 'NUL bytes: the file is damaged here';

interface Token {
  text: string;
  line: number;
  hash: Uint8Array | undefined;
}

/** A hash a line. Blank lines are allowed. One error a line. */
class TextHashFile implements HashFileReader, LexerEvents {
  readonly #events: HashFileEvents;
  readonly #lexer = new HashLexer('', this);
  #line = 1;
  #faultyLine = 0;

  constructor(events: HashFileEvents) {
    this.#events = events;
  }

  push(chunk: Uint8Array): void {
    this.#lexer.push(chunk);
  }

  end(): void {
    this.#lexer.end();
  }

  hash(bytes: Uint8Array): void {
    this.#events.hash(bytes);
  }

  other(_start: string, length: number): void {
    this.#fault(wrongToken(length));
  }

  separator(byte: number): void {
    if (byte === LINE_FEED) this.#line++;
    else if (byte === NUL) this.#fault(NUL_BYTES);
  }

  #fault(message: string): void {
    if (this.#faultyLine === this.#line) return;
    this.#faultyLine = this.#line;
    this.#events.error(this.#line, message);
  }
}

/**
 * `{"hashes": ["…", …]}`, or the list alone. Other members are passed over. Not a JSON parser on purpose: one
 * would give up at the first damage and hold the whole in memory. This looks for hashes between JSON's
 * punctuation, and only tells members' names and values from the list's items.
 */
class JsonHashFile implements HashFileReader, LexerEvents {
  readonly #events: HashFileEvents;
  readonly #lexer = new HashLexer('"[]{},:', this);
  #line = 1;
  #inList = false;
  #listFound = false;
  #listEnded = false;
  #faultyNulLine = 0;
  /** Outside the list: the last token, which may turn out to be a member's name. */
  #pending: Token | undefined;
  /** Outside the list: the name of the member whose value is next. */
  #member: string | undefined;
  /** Lists of other members that are open: what is in them is none of ours, a list neither. */
  #otherLists = 0;

  constructor(events: HashFileEvents) {
    this.#events = events;
  }

  push(chunk: Uint8Array): void {
    this.#lexer.push(chunk);
  }

  end(): void {
    this.#lexer.end();
    this.#settlePending();
    if (!this.#listFound) this.#events.error(this.#line, 'there is no list "hashes" in the file');
    else if (!this.#listEnded) this.#events.error(this.#line, 'the file ends before its list does');
  }

  hash(bytes: Uint8Array): void {
    if (this.#inList) this.#events.hash(bytes);
    else this.#outside({ text: '', line: this.#line, hash: bytes });
  }

  other(start: string, length: number): void {
    if (this.#inList) this.#events.error(this.#line, wrongToken(length));
    else this.#outside({ text: start, line: this.#line, hash: undefined });
  }

  separator(byte: number): void {
    if (byte === LINE_FEED) {
      this.#line++;
      return;
    }
    const mark = String.fromCharCode(byte);
    if (byte === NUL) {
      if (this.#faultyNulLine !== this.#line) this.#events.error(this.#line, NUL_BYTES);
      this.#faultyNulLine = this.#line;
    } else if (this.#inList) {
      if (mark === ']') {
        this.#inList = false;
        this.#listEnded = true;
      }
    } else if (mark === ':') {
      this.#member = this.#pending?.text ?? '';
      this.#pending = undefined;
    } else if (mark !== '"') {
      this.#settlePending();
      const bare = this.#member === undefined && this.#otherLists === 0;
      if (mark === '[' && (bare || isListName(this.#member ?? ''))) this.#enterList();
      else if (mark === '[') this.#otherLists++;
      else if (mark === ']' && this.#otherLists > 0) this.#otherLists--;
      this.#member = undefined;
    }
  }

  #outside(token: Token): void {
    this.#settlePending();
    if (this.#member === undefined) {
      this.#pending = { ...token, hash: token.hash?.slice() };
      return;
    }
    const inList = isListName(this.#member);
    this.#member = undefined;
    if (!inList) return;
    this.#events.error(this.#line, 'the "[" of the list is missing');
    this.#enterList();
    if (token.hash) this.#events.hash(token.hash);
  }

  /** A hash that is neither a member's name nor its value belongs to a list whose beginning is damaged. */
  #settlePending(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending?.hash) return;
    this.#events.error(
      pending.line,
      'a hash outside the list "hashes": the beginning of the list is damaged',
    );
    this.#events.hash(pending.hash);
    this.#enterList();
  }

  #enterList(): void {
    this.#inList = true;
    this.#listFound = true;
    this.#listEnded = false;
    this.#member = undefined;
  }
}

const isListName = (member: string): boolean => member.toLowerCase() === 'hashes';
