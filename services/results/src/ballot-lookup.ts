import { ScrutinError } from '@scrutin/shared/errors.ts';
import { readStatement } from '@scrutin/shared/postgres.ts';
import type { VoteStatus } from '@scrutin/shared/status.ts';
import type { Pool } from 'pg';

const ballotOutcomes = readStatement(new URL('./sql/ballot-outcomes.sql', import.meta.url));

/** What the ledger says of a ballot. Never a choice: there is none to say (P5). */
export interface BallotOutcome {
  ballot_id: string;
  law_id: string;
  status: VoteStatus;
}

/** What the routes see. */
export interface BallotSource {
  /** Undefined: no outcome yet. Throws `ledger-unavailable`. */
  outcome(ballotId: string): Promise<BallotOutcome | undefined>;
}

export interface BallotLookupOptions {
  /** The outcomes of those of the ballots that have one. */
  read: (ballotIds: string[]) => Promise<BallotOutcome[]>;
  /** False while the ledger is known to be away: look-ups fail at once instead of waiting for a timeout. */
  reachable: () => boolean;
  /** Look-ups waiting at the most (P6). */
  maxWaiting: number;
  onQuery?: (ballots: number, seconds: number) => void;
}

const MAX_BALLOTS_PER_QUERY = 500;

interface Waiting {
  promise: Promise<BallotOutcome | undefined>;
  resolve: (outcome: BallotOutcome | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Looks ballots up, one query at a time: those asked for while it runs are the next one's. However many
 * voters ask, PostgreSQL sees one connection's worth of work.
 */
export class BallotLookup implements BallotSource {
  readonly #options: BallotLookupOptions;
  #waiting = new Map<string, Waiting>();
  #asked = new Map<string, Waiting>();
  #running = false;

  constructor(options: BallotLookupOptions) {
    this.#options = options;
  }

  /** Look-ups without an answer yet. */
  get waiting(): number {
    return this.#waiting.size + this.#asked.size;
  }

  outcome(ballotId: string): Promise<BallotOutcome | undefined> {
    const { reachable, maxWaiting } = this.#options;
    // Only a look-up that has not been sent is shared: an earlier one's answer may be older than the question.
    const same = this.#waiting.get(ballotId);
    if (same) return same.promise;
    if (!reachable()) return Promise.reject(unavailable('Ballots can’t be looked up right now'));
    if (this.waiting >= maxWaiting) return Promise.reject(unavailable('Too many look-ups are waiting', 1));
    const { promise, resolve, reject } = Promise.withResolvers<BallotOutcome | undefined>();
    this.#waiting.set(ballotId, { promise, resolve, reject });
    if (!this.#running) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those of the same turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0) {
      const ids = [...this.#waiting.keys()].slice(0, MAX_BALLOTS_PER_QUERY);
      for (const id of ids) {
        this.#asked.set(id, this.#waiting.get(id)!);
        this.#waiting.delete(id);
      }
      const start = performance.now();
      try {
        const outcomes = new Map((await this.#options.read(ids)).map((row) => [row.ballot_id, row]));
        for (const [id, asked] of this.#asked) asked.resolve(outcomes.get(id));
        this.#options.onQuery?.(ids.length, (performance.now() - start) / 1000);
      } catch (error) {
        for (const asked of this.#asked.values())
          asked.reject(unavailable('Ballots can’t be looked up right now', 2, error));
      }
      this.#asked.clear();
    }
    this.#running = false;
  }
}

/** Reads outcomes from the ledger. */
export const readOutcomes =
  (pool: Pool) =>
  async (ballotIds: string[]): Promise<BallotOutcome[]> =>
    (await pool.query<BallotOutcome>({ ...ballotOutcomes, values: [ballotIds] })).rows;

const unavailable = (detail: string, retryAfter = 2, cause?: unknown): ScrutinError =>
  new ScrutinError('ledger-unavailable', `${detail}; try again in a moment`, { retryAfter, cause });
