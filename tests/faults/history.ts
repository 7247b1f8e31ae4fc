import type { Choice } from '@scrutin/shared/choice.ts';
import type { VoteStatus } from '@scrutin/shared/status.ts';

/**
 * One ballot as its client means it. Everything sent under its Idempotency-Key is this ballot; without a key
 * it is sent once.
 */
export interface Ballot {
  kind: 'eligible' | 'stranger' | 'malformed';
  /** Hexadecimal voter hash; nobody's for what is malformed. */
  voter: string;
  lawId: string;
  key: string | undefined;
  /** Known beforehand for a ballot with a key, as it is derived from that; else from its 202. */
  ballotId: string | undefined;
  /** What was sent under it: two if a client changed its mind and kept its key. */
  choices: Choice[];
}

/**
 * What a client may take an answer for. `unknown`: the connection broke, or the answer itself does not say
 * whether the vote was recorded.
 */
export type Outcome = 'accepted' | 'refused' | 'unknown';

/** One request and what came of it. Times are milliseconds since the round began. */
export interface Attempt {
  ballot: Ballot;
  sentAt: number;
  answeredAt: number;
  outcome: Outcome;
  /** HTTP status; 0 without an answer. */
  status: number;
  /** Code of the problem, or what broke. */
  code: string;
  /** request_id of a 202. */
  requestId?: string;
}

/** A ballot's status as somebody read it while the round went on. */
export interface StatusReading {
  at: number;
  ballotId: string;
  status: VoteStatus;
}

/** A law's counts as somebody read them. */
export interface CountReading {
  at: number;
  lawId: string;
  oui: number;
  non: number;
}

/** All that was asked and answered in a round, kept apart from the system that is tested. */
export interface History {
  attempts: Attempt[];
  statuses: StatusReading[];
  counts: CountReading[];
}

/** Problems by which the system says that nothing was recorded. Another 503 leaves it open. */
const NOTHING_RECORDED = new Set(['overloaded', 'suspended']);

/** What an answer tells the client about its vote. */
export function outcomeOf(status: number, problem: { code?: string; detail?: string }): Outcome {
  if (status === 202) return 'accepted';
  if (status >= 400 && status < 500) return 'refused';
  if (status === 503 && NOTHING_RECORDED.has(problem.code ?? '')) return 'refused';
  if (status === 503 && problem.detail?.includes('nothing was recorded')) return 'refused';
  return 'unknown';
}
