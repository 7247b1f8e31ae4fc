import type { VoteStatus } from '@scrutin/shared/status.ts';
import { HttpLane } from '../../load-tests/http-lane.ts';
import { type Attempt, type History, outcomeOf } from './history.ts';
import type { Intent } from './workload.ts';

export interface ClientsOptions {
  /** Where what they saw is added. */
  history: History;
  /** The moment that its times count from, of performance.now(). */
  begunAt: number;
  /** Where votes go. */
  url: string;
  /** Where results and statuses are read. */
  resultsUrl: string;
  /** Clients at once. */
  lanes: number;
  /** Requests a second that all clients together make at the most. */
  rate: number;
  /** A request without an answer for so long is given up. Milliseconds. */
  timeoutMs: number;
  /** Told after every intent that is through. */
  onProgress: (done: number) => void;
}

const RETRY_PAUSE_MS = 100;

/** Sends all that the clients mean to send, each intent by one of `lanes` clients, and keeps what each saw. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #history: History;
  /** Ballots that were accepted a while ago, for the reader to ask about. */
  readonly #accepted: string[] = [];

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#history = options.history;
  }

  async cast(intents: readonly Intent[]): Promise<void> {
    const { url, lanes, timeoutMs, onProgress } = this.#options;
    const waiting = intents.values();
    let done = 0;
    const over = new AbortController();
    const reading = this.#read(over.signal);
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        const lane = new HttpLane(url, timeoutMs);
        try {
          for (let next = waiting.next(); !next.done; next = waiting.next()) {
            await this.#pace();
            await this.#send(lane, next.value);
            onProgress(++done);
          }
        } finally {
          lane.close();
        }
      }),
    );
    over.abort();
    await reading;
  }

  /** Spreads requests evenly, with the time between two of one client as its chance. */
  async #pace(): Promise<void> {
    const { lanes, rate } = this.#options;
    await sleep((2 * Math.random() * 1000 * lanes) / rate);
  }

  async #send(lane: HttpLane, { ballot, body, retries }: Intent): Promise<void> {
    const headers = ballot.key === undefined ? undefined : { 'Idempotency-Key': ballot.key };
    const request = HttpLane.post('/api/v1/vote', body, headers);
    for (let left = retries; ; left--) {
      const sentAt = this.#now();
      const attempt: Attempt = { ballot, sentAt, answeredAt: 0, outcome: 'unknown', status: 0, code: '' };
      try {
        const answer = await lane.send(request);
        const said = JSON.parse(answer.body) as { code?: string; detail?: string; request_id?: string };
        attempt.status = answer.status;
        attempt.outcome = outcomeOf(answer.status, said);
        attempt.code = said.code ?? '';
        if (attempt.outcome === 'accepted') {
          attempt.requestId = said.request_id!;
          this.#accepted.push(said.request_id!);
        }
      } catch (error) {
        attempt.code = (error as Error).message;
      }
      attempt.answeredAt = this.#now();
      this.#history.attempts.push(attempt);
      const final = attempt.outcome === 'accepted' || (attempt.status >= 400 && attempt.status < 500);
      if (final || left <= 0) return;
      await sleep(RETRY_PAUSE_MS * (0.5 + Math.random()));
    }
  }

  /** One reader, one question after the other, so that its readings have an order. */
  async #read(signal: AbortSignal): Promise<void> {
    const lane = new HttpLane(this.#options.resultsUrl, this.#options.timeoutMs);
    while (!signal.aborted) {
      await sleep(100);
      try {
        await this.#readCounts(lane);
        // Early ones, late ones: any that were accepted, more than once.
        const ballotId = this.#accepted[Math.floor(Math.random() * this.#accepted.length)];
        if (ballotId === undefined) continue;
        const answer = await lane.send(HttpLane.get(`/api/v1/ballots/${ballotId}`));
        if (answer.status !== 200) continue;
        const { status } = JSON.parse(answer.body) as { status: VoteStatus };
        this.#history.statuses.push({ at: this.#now(), ballotId, status });
      } catch {
        // Reading fails now and then in a round; what was read is what counts.
      }
    }
    lane.close();
  }

  async #readCounts(lane: HttpLane): Promise<void> {
    const answer = await lane.send(HttpLane.get('/api/v1/results'));
    if (answer.status !== 200) return;
    const { laws } = JSON.parse(answer.body) as {
      laws: { law_id: string; oui_count: number; non_count: number }[];
    };
    for (const { law_id: lawId, oui_count: oui, non_count: non } of laws)
      this.#history.counts.push({ at: this.#now(), lawId, oui, non });
  }

  #now(): number {
    return Math.round(performance.now() - this.#options.begunAt);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
