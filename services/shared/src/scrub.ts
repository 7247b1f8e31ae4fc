import { constants } from 'node:os';

/** Keys under which a NAS, a code, a request's body or a secret may stand, in lower case. */
const SECRET_KEYS = new Set(
  'nas sin code body rawbody submission password passwd pepper secret token authorization cookie set-cookie'.split(
    ' ',
  ),
);

/**
 * What is kept of an error. Not PostgreSQL's `detail` and `where` nor ioredis' `command`: they quote the
 * values of the statement, that is, voter hashes and choices (P5).
 */
const ERROR_FIELDS = [
  'errno',
  'syscall',
  'address',
  'port',
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'routine',
  'classId',
  'methodId',
  'retryAfter',
] as const;

const NAS_LIKE = /(?<![0-9A-Za-z])\d{3}[ -]?\d{3}[ -]?\d{3}(?![0-9A-Za-z])/g;
/** What is hashed to make an elector's hash: the NAS and then the code. */
const NAS_AND_CODE = /(?<![0-9A-Za-z])\d{9}[0-9A-Za-z]{6}(?![0-9A-Za-z])/g;
const URL_PASSWORD = /(:\/\/[^/:@\s]*:)[^/\s]+@/g;
const VOTER_HASH = /(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])/g;

const REMOVED = '[removed]';
const MOST_DEPTH = 4;
const MOST_ITEMS = 100;
const MOST_CHARACTERS = 8_192;

/** `text` without what looks like a NAS (nine digits, in threes or not) and without passwords in URLs. */
export function scrub(text: string): string {
  const kept = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  return kept.replace(NAS_AND_CODE, REMOVED).replace(NAS_LIKE, REMOVED).replace(URL_PASSWORD, '$1***@');
}

/** A plain copy of `fields` that may be logged: bounded in depth and width, and without secrets. Never throws. */
export function scrubFields(fields: object): Record<string, unknown> {
  try {
    return scrubObject(fields, 0);
  } catch {
    // A proxy whose traps throw.
    return { fields: '[unreadable]' };
  }
}

/** As {@link scrubFields}, for anything. */
export const scrubValue = (value: unknown): unknown => scrubAny(value, 0);

function scrubObject(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const key of Object.keys(fields).slice(0, MOST_ITEMS)) {
    const name = scrub(key);
    try {
      const value = (fields as Record<string, unknown>)[key];
      clean[name] =
        SECRET_KEYS.has(key.toLowerCase()) && !isFailureCode(key, value) ? REMOVED : scrubAny(value, depth);
    } catch {
      clean[name] = '[unreadable]';
    }
  }
  return clean;
}

// `code` is also what this project calls the kind of a failure. Those have a dash; a voter's code has none.
const isFailureCode = (key: string, value: unknown): boolean =>
  key === 'code' && typeof value === 'string' && /^[a-z]+(?:-[a-z]+)+$/.test(value);

function scrubAny(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return scrub(value);
    case 'number':
      return Number.isInteger(value) && value >= 1e8 && value < 1e9 ? REMOVED : value;
    case 'bigint':
      return scrub(String(value));
    case 'object':
      break;
    default:
      return typeof value === 'boolean' || value === undefined ? value : `[${typeof value}]`;
  }
  if (value === null) return value;
  try {
    if (value instanceof Error) return scrubError(value, depth);
    if (depth >= MOST_DEPTH) return '[nested]';
    if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => scrubAny(item, depth + 1));
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
    return scrubObject(value, depth + 1);
  } catch {
    return '[unreadable]';
  }
}

/** An error as it may be logged, with its causes and, for an AggregateError, its errors. */
function scrubError(error: Error, depth: number): Record<string, unknown> {
  const { code, cause, errors } = error as Error & { code?: unknown; cause?: unknown; errors?: unknown };
  const clean: Record<string, unknown> = {
    type: scrubText(error.name),
    message: scrubText(error.message),
    stack: scrubText(error.stack),
  };
  if (isErrorCode(code)) clean.code = code;
  for (const field of ERROR_FIELDS) {
    const value = (error as unknown as Record<string, unknown>)[field];
    if (typeof value === 'string' || typeof value === 'number') clean[field] = scrubAny(value, depth);
  }
  if (depth >= MOST_DEPTH) return clean;
  if (cause !== undefined) clean.cause = scrubAny(cause, depth + 1);
  if (Array.isArray(errors))
    clean.errors = errors.slice(0, MOST_ITEMS).map((one) => scrubAny(one, depth + 1));
  return clean;
}

/** As {@link scrub}, and without voter hashes: servers quote the values that they refuse. */
const scrubText = (text: unknown): string =>
  typeof text === 'string' ? scrub(text).replace(VOTER_HASH, '[hash]') : '';

/** Node's and the system's codes, SQLSTATEs, AMQP's reply codes, our own; nothing that could be a voter's code. */
function isErrorCode(code: unknown): boolean {
  if (typeof code === 'number') return Number.isInteger(code) && Math.abs(code) < 100_000;
  if (typeof code !== 'string' || code.length > 60) return false;
  return code.length === 6 ? code in constants.errno : /^(?:[A-Z0-9_]+|[a-z]+(?:-[a-z]+)*)$/.test(code);
}
