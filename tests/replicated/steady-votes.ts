import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '@scrutin/shared/testing/within.ts';
import { HttpLane } from '../../load-tests/http-lane.ts';
import type { PlannedVote } from '../../load-tests/plan-votes.ts';
import type { CastVote } from '../support/cast-votes.ts';
import { withClient } from './with-client.ts';

/** What a failure cost. Milliseconds, and votes. */
export interface Cost {
  /** The longest time in which no vote was accepted. */
  acceptPause: number;
  /** Answers 503 or 429; each was sent again under its key and accepted later. */
  refused: number;
  /** Connections that broke before there was an answer. */
  broken: number;
  /** The longest time in which no ballot was recorded. */
  countPause: number;
}

/** What a client saw of its vote, or status 0: no answer up to the end, and nobody knows what became of it. */
export interface SteadyVote extends CastVote {
  idempotencyKey: string;
}

export interface SteadyVotesOptions {
  url: string;
  databaseUrl: string;
  votes: readonly PlannedVote[];
  perSecond: number;
  /** Milliseconds that a request may take. */
  requestMs?: number;
  /** Milliseconds after {@link SteadyVotes.stop} in which a vote without an answer is sent again. */
  lastAnswerMs?: number;
}

const LANES = 24;
const SAMPLE_MS = 100;
const AGAIN_MS = 200;

/**
 * Clients that vote at a steady rate, each under an Idempotency-Key and again until there is an answer; and a
 * look at how many ballots are on record, several times a second.
 */
export class SteadyVotes {
  readonly history: SteadyVote[] = [];
  readonly #accepted: number[] = [];
  readonly #refused: number[] = [];
  readonly #broken: number[] = [];
  /** When the number of recorded ballots was seen to have grown. */
  readonly #grown: number[] = [];
  recorded = 0;
  #left: number;
  readonly #requestMs: number;
  readonly #lastAnswerMs: number;
  /** When a vote without an answer is given up; set by {@link stop}. */
  #giveUpAt: number | undefined;
  readonly #work: Promise<unknown>;

  constructor(options: SteadyVotesOptions) {
    const { url, databaseUrl, votes, perSecond, requestMs = 15_000, lastAnswerMs = 30_000 } = options;
    this.#requestMs = requestMs;
    this.#lastAnswerMs = lastAnswerMs;
    this.#left = votes.length;
    const queue = votes.entries();
    const begun = performance.now();
    const lane = async () => {
      const connection = new HttpLane(url, requestMs);
      for (const [i, vote] of queue) {
        await sleep(Math.max(0, begun + (i * 1_000) / perSecond - performance.now()));
        if (this.#stopped) break;
        this.#left--;
        await this.#cast(connection, vote);
      }
      connection.close();
    };
    this.#work = Promise.all([this.#sample(databaseUrl), ...Array.from({ length: LANES }, lane)]);
    // Who stops the votes is told; until then it is not unhandled.
    this.#work.catch(() => {});
  }

  get accepted(): number {
    return this.#accepted.length;
  }

  /** Votes that have not been sent for the first time. */
  get left(): number {
    return this.#left;
  }

  /** Runs `fault` and all that its recovery takes, and says what that cost. */
  async cost(fault: () => Promise<void>): Promise<Cost> {
    const from = performance.now();
    await fault();
    const to = performance.now();
    const during = (times: readonly number[]) => times.filter((at) => at >= from && at <= to);
    return {
      acceptPause: Math.round(longestGap([from, ...during(this.#accepted), to])),
      refused: during(this.#refused).length,
      broken: during(this.#broken).length,
      countPause: Math.round(longestGap([from, ...during(this.#grown), to])),
    };
  }

  /** Sends no further vote, and lets those that are under way be answered, for as long as was set. */
  async stop(): Promise<void> {
    this.#giveUpAt ??= performance.now() + this.#lastAnswerMs;
    const limit = this.#lastAnswerMs + this.#requestMs + 30_000;
    await within('the clients have their last answers, or have given up', this.#work, limit);
  }

  get #stopped(): boolean {
    return this.#giveUpAt !== undefined;
  }

  async #cast(connection: HttpLane, vote: PlannedVote): Promise<void> {
    const idempotencyKey = randomUUID();
    const request = HttpLane.post('/api/v1/vote', vote.body, { 'Idempotency-Key': idempotencyKey });
    do {
      const answer = await connection.send(request).catch(() => undefined);
      if (answer === undefined) this.#broken.push(performance.now());
      else if (answer.status === 503 || answer.status === 429) this.#refused.push(performance.now());
      else {
        const { status, body } = answer;
        if (status === 202) this.#accepted.push(performance.now());
        const ballotId = status === 202 ? (JSON.parse(body) as { request_id: string }).request_id : undefined;
        this.history.push({
          vote,
          idempotencyKey,
          status,
          body,
          ...(ballotId !== undefined && { ballotId }),
        });
        return;
      }
      await sleep(AGAIN_MS);
    } while (this.#giveUpAt === undefined || performance.now() < this.#giveUpAt);
    // Refused at last, but one of the earlier requests may have been accepted without an answer.
    this.history.push({ vote, idempotencyKey, status: 0, body: '' });
  }

  async #sample(databaseUrl: string): Promise<void> {
    while (!this.#stopped)
      await withClient(databaseUrl, async (client) => {
        while (!this.#stopped) {
          const { rows } = await client.query<{ value: string }>(
            "select value from system_stats where name = 'ballots_recorded'",
          );
          const recorded = Number(rows[0]!.value);
          if (recorded > this.recorded) this.#grown.push(performance.now());
          this.recorded = recorded;
          await sleep(SAMPLE_MS);
        }
      }).catch(() => sleep(SAMPLE_MS));
  }
}

const longestGap = (times: readonly number[]): number =>
  Math.max(...times.slice(1).map((at, i) => at - times[i]!));
