import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { pause } from '@scrutin/shared/retry.ts';
import type { PlannedVote } from '../../../load-tests/plan-votes.ts';
import type { CastVote } from '../../support/cast-votes.ts';
import { type Answer, ask, isCleanRefusal } from './client-request.ts';

/** How a client connects: on a connection that it keeps, as a browser's page does, or anew for each request. */
type Way = 'kept' | 'fresh';

export interface SteadyOptions {
  ingestionUrl: string;
  resultsUrl: string;
  /** Cast in this order while the clients are at work. */
  votes: readonly PlannedVote[];
  votesPerSecond: number;
  readsPerSecond: number;
}

/** How often what was seen, e.g. `vote kept 202`. */
export type Seen = Record<string, number>;

/** A voter's patience with one vote. Milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * Voters and readers who come at a steady pace, whatever becomes of the election's pods, and a record of every answer that
 * each had. A voter who is refused by a 503 comes back when its Retry-After says so, with the same Idempotency-Key.
 */
export class SteadyClients {
  readonly #options: SteadyOptions;
  readonly #agents: Record<Way, Agent> = {
    kept: new Agent({ keepAlive: true, maxSockets: 16 }),
    fresh: new Agent({ keepAlive: false }),
  };
  readonly #history: CastVote[] = [];
  readonly #atWork = new Set<Promise<void>>();
  #seen: Seen = {};
  #faults: string[] = [];
  /** Answers other than success, since the start. */
  #refused = 0;
  #next = 0;
  #stopped = false;

  private constructor(options: SteadyOptions) {
    this.#options = options;
  }

  static start(options: SteadyOptions): SteadyClients {
    const clients = new SteadyClients(options);
    clients.#every(1_000 / options.votesPerSecond, (way) => clients.#vote(way));
    clients.#every(1_000 / options.readsPerSecond, (way) => clients.#read(way));
    return clients;
  }

  /** Votes that are not cast yet. */
  get left(): number {
    return this.#options.votes.length - this.#next;
  }

  /** What was seen since the last call, and what of it no client should see: anything but success and a clean 503. */
  takeSeen(): { seen: Seen; faults: string[] } {
    const taken = { seen: this.#seen, faults: this.#faults };
    this.#seen = {};
    this.#faults = [];
    return taken;
  }

  /**
   * Resolves when all who are under way have got through, and nobody has been refused for two seconds: what was away may take
   * a moment to be found again, and who waits for it is told so late.
   */
  async untilServed(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const before = this.#refused;
      await Promise.all(this.#atWork);
      await pause(2_000);
      if (this.#refused === before) return;
      if (Date.now() > deadline) throw new Error(`clients are still refused after ${PATIENCE_MS / 1_000} s`);
    }
  }

  /** Ends the steady pace, and resolves with what became of each vote that was cast. */
  async finish(): Promise<CastVote[]> {
    this.#stopped = true;
    while (this.#atWork.size > 0) await Promise.all(this.#atWork);
    for (const agent of Object.values(this.#agents)) agent.destroy();
    return this.#history;
  }

  /** Begins `work` at this pace, also while earlier work goes on. */
  #every(ms: number, work: (way: Way) => Promise<void>): void {
    const begun = performance.now();
    let count = 0;
    const next = () => {
      if (this.#stopped) return;
      const doing: Promise<void> = work(count % 2 === 0 ? 'kept' : 'fresh').finally(() =>
        this.#atWork.delete(doing),
      );
      this.#atWork.add(doing);
      count++;
      setTimeout(next, Math.max(0, begun + count * ms - performance.now()));
    };
    next();
  }

  async #vote(way: Way): Promise<void> {
    const vote = this.#options.votes[this.#next++];
    if (!vote) return;
    const url = new URL('/api/v1/vote', this.#options.ingestionUrl).href;
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask(url, { method: 'POST', body: vote.body, headers, agent: this.#agents[way] });
      this.#record('vote', way, answer, 202);
      const { status, body, retryAfter = 1 } = answer;
      if ((status !== 0 && status !== 503) || Date.now() > deadline) {
        const ballotId = status === 202 ? (JSON.parse(body) as { request_id: string }).request_id : undefined;
        this.#history.push({ vote, status, body, ...(ballotId !== undefined && { ballotId }) });
        return;
      }
      await pause(retryAfter * 1_000);
    }
  }

  async #read(way: Way): Promise<void> {
    const url = new URL('/api/v1/results', this.#options.resultsUrl).href;
    this.#record('read', way, await ask(url, { method: 'GET', agent: this.#agents[way] }), 200);
  }

  #record(what: string, way: Way, answer: Answer, right: number): void {
    const outcome = answer.error ?? String(answer.status);
    const key = `${what} ${way} ${outcome}`;
    this.#seen[key] = (this.#seen[key] ?? 0) + 1;
    if (answer.status === right) return;
    this.#refused++;
    if (isCleanRefusal(answer)) return;
    const at = new Date().toISOString().slice(11, 23);
    this.#faults.push(`${at} ${key} ${answer.contentType} ${answer.body.slice(0, 200)}`);
  }
}
