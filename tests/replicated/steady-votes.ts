import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { HttpLane } from '../../load-tests/http-lane.ts';
import type { PlannedVote } from '../../load-tests/plan-votes.ts';
import type { CastVote } from '../support/cast-votes.ts';

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

const LANES = 24;
const SAMPLE_MS = 100;

/**
 * Clients that vote at a steady rate, each under an Idempotency-Key and again until there is an answer; and a
 * look at how many ballots are on record, several times a second.
 */
export class SteadyVotes {
  readonly history: CastVote[] = [];
  readonly #accepted: number[] = [];
  readonly #refused: number[] = [];
  readonly #broken: number[] = [];
  /** When the number of recorded ballots was seen to have grown. */
  readonly #grown: number[] = [];
  recorded = 0;
  #stopped = false;
  readonly #work: Promise<unknown>;

  constructor(url: string, databaseUrl: string, votes: readonly PlannedVote[], perSecond: number) {
    const queue = votes.entries();
    const begun = performance.now();
    const lane = async () => {
      const connection = new HttpLane(url, 15_000);
      for (const [i, vote] of queue) {
        await sleep(Math.max(0, begun + (i * 1_000) / perSecond - performance.now()));
        if (this.#stopped) break;
        await this.#cast(connection, vote);
      }
      connection.close();
    };
    this.#work = Promise.all([this.#sample(databaseUrl), ...Array.from({ length: LANES }, lane)]);
  }

  get accepted(): number {
    return this.#accepted.length;
  }

  /** Runs `fault` and all that its recovery takes, and says what that cost. */
  async cost(fault: () => Promise<void>): Promise<Cost> {
    const from = performance.now();
    await fault();
    const to = performance.now();
    const within = (times: readonly number[]) => times.filter((at) => at >= from && at <= to);
    return {
      acceptPause: Math.round(longestGap([from, ...within(this.#accepted), to])),
      refused: within(this.#refused).length,
      broken: within(this.#broken).length,
      countPause: Math.round(longestGap([from, ...within(this.#grown), to])),
    };
  }

  /** Lets the votes that are under way be answered, and sends no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #cast(connection: HttpLane, vote: PlannedVote): Promise<void> {
    const request = HttpLane.post('/api/v1/vote', vote.body, { 'Idempotency-Key': randomUUID() });
    for (;;) {
      const answer = await connection.send(request).catch(() => undefined);
      if (answer === undefined) this.#broken.push(performance.now());
      else if (answer.status === 503 || answer.status === 429) this.#refused.push(performance.now());
      else {
        const { status, body } = answer;
        if (status === 202) this.#accepted.push(performance.now());
        const ballotId = status === 202 ? (JSON.parse(body) as { request_id: string }).request_id : undefined;
        this.history.push({ vote, status, body, ...(ballotId !== undefined && { ballotId }) });
        return;
      }
      await sleep(200);
    }
  }

  async #sample(databaseUrl: string): Promise<void> {
    while (!this.#stopped) {
      const client = new pg.Client({
        connectionString: databaseUrl,
        connectionTimeoutMillis: 1_000,
        query_timeout: 2_000,
      });
      client.on('error', () => {});
      try {
        await client.connect();
        while (!this.#stopped) {
          const { rows } = await client.query<{ value: string }>(
            "select value from system_stats where name = 'ballots_recorded'",
          );
          const recorded = Number(rows[0]!.value);
          if (recorded > this.recorded) this.#grown.push(performance.now());
          this.recorded = recorded;
          await sleep(SAMPLE_MS);
        }
      } catch {
        await sleep(SAMPLE_MS);
      } finally {
        await client.end().catch(() => {});
      }
    }
  }
}

const longestGap = (times: readonly number[]): number =>
  Math.max(...times.slice(1).map((at, i) => at - times[i]!));
