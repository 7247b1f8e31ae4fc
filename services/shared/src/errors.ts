/**
 * The failures a request or a message can meet, each with a stable code, in one table: the HTTP status, what
 * becomes of the message on the queue, and whether trying again helps.
 */
export interface Failure {
  status: number;
  title: string;
  /** `hold`: keep the delivery and try again; `review`: dead-letter for a person; `none`: not from a queue. */
  fate: 'hold' | 'review' | 'none';
  retry: boolean;
}

export const FAILURES = {
  'not-json': { status: 400, title: 'The body is not JSON', fate: 'none', retry: false },
  'bad-idempotency-key': {
    status: 400,
    title: 'The Idempotency-Key is not usable',
    fate: 'none',
    retry: false,
  },
  'bad-request': { status: 400, title: 'The request can’t be read', fate: 'none', retry: false },
  'not-open': { status: 403, title: 'The election is not open yet', fate: 'none', retry: true },
  closed: { status: 403, title: 'The election is closed', fate: 'none', retry: false },
  suspended: { status: 503, title: 'The election is suspended', fate: 'none', retry: true },
  embargo: {
    status: 403,
    title: 'Results are published when the election has closed',
    fate: 'none',
    retry: true,
  },
  'not-found': { status: 404, title: 'There is nothing at this address', fate: 'none', retry: false },
  'unknown-law': { status: 404, title: 'This law is not part of the election', fate: 'none', retry: false },
  'unknown-ballot': {
    status: 404,
    title: 'This election gave out no such ballot id',
    fate: 'none',
    retry: false,
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not take this method',
    fate: 'none',
    retry: false,
  },
  'too-large': { status: 413, title: 'The body is too large', fate: 'none', retry: false },
  'not-json-type': {
    status: 415,
    title: 'The body must be sent as application/json, in UTF-8, without compression',
    fate: 'none',
    retry: false,
  },
  'invalid-submission': { status: 422, title: 'The vote can’t be read', fate: 'none', retry: false },
  'rate-limited': { status: 429, title: 'Too many requests from this address', fate: 'none', retry: true },
  overloaded: {
    status: 503,
    title: 'Too many votes are waiting; nothing was recorded',
    fate: 'none',
    retry: true,
  },
  'broker-unavailable': { status: 503, title: 'The vote could not be confirmed', fate: 'hold', retry: true },
  'filter-unavailable': { status: 503, title: 'The electorate can’t be asked', fate: 'hold', retry: true },
  'electorate-not-ready': { status: 503, title: 'The electorate is being loaded', fate: 'hold', retry: true },
  'ledger-unavailable': { status: 503, title: 'The results can’t be read', fate: 'hold', retry: true },
  'not-ready': { status: 503, title: 'The service is starting or stopping', fate: 'hold', retry: true },
  'unreadable-message': { status: 500, title: 'A message can’t be read', fate: 'review', retry: false },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof FAILURES;

/** An error with a code of {@link FAILURES}. `detail` is shown to the client: no NAS, no code, no stack. */
export class ScrutinError extends Error {
  override name = 'ScrutinError';
  readonly code: FailureCode;
  readonly detail: string;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(code: FailureCode, detail: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(`${code}: ${detail}`, { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.retryAfter = options.retryAfter;
  }
}
