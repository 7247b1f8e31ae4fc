import type { Log } from '@scrutin/shared/log.ts';
import { readStatement } from '@scrutin/shared/postgres.ts';
import type { QueueDepth } from '@scrutin/shared/queue-depths.ts';
import { settledWithin } from '@scrutin/shared/retry.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import type pg from 'pg';

const statement = (name: string) => readStatement(new URL(`./sql/${name}.sql`, import.meta.url));
const sql = {
  write: statement('write-queue-stats'),
  writeSize: statement('write-ledger-size'),
  addTotals: statement('add-totals'),
  forget: statement('forget-queue-stats'),
} as const;

/** Rows deleted by one statement, and statements an interval: cleaning up must never be what is slow. */
const FORGET_ROWS = 1_000;
const FORGET_STATEMENTS = 10;
/** The last rows are given up after so long: a server that doesn't answer must not hold up the end of the process. */
const LAST_ROWS_MS = 2_000;

export interface QueueStatsOptions {
  pool: pg.Pool;
  /** Asks the broker. A queue that it does not tell about is left out. */
  depths: () => Promise<Map<QueueName, QueueDepth>>;
  /** Names this process in the rows. */
  instance: string;
  intervalMs: number;
  retentionHours: number;
  log: Log;
}

/** Writes what the queues look like, and what this process did with its own, every interval. */
export class QueueStats {
  readonly #options: QueueStatsOptions;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();
  #since = performance.now();
  #votes = 0;
  #reviewed = 0;
  #batchMs: { count: number; sum: number; max: number } = { count: 0, sum: 0, max: 0 };
  #failing = false;

  constructor(options: QueueStatsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.write(), options.intervalMs);
    this.#timer.unref();
  }

  /** Tells of a batch that was settled. */
  addBatch(votes: number, seconds: number): void {
    this.#votes += votes;
    this.#batchMs.count++;
    this.#batchMs.sum += seconds * 1000;
    this.#batchMs.max = Math.max(this.#batchMs.max, seconds * 1000);
  }

  /** Tells of votes that went to review. */
  addReviewed(votes: number): void {
    this.#reviewed += votes;
  }

  /** Writes the rows of the time since the last ones, after those that are being written. Never rejects. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() =>
      this.#write().then(
        () => {
          this.#failing = false;
        },
        (error: unknown) => {
          // Told once: what a long outage is like, others say already.
          if (!this.#failing) this.#options.log.warn({ err: error }, 'statistics could not be written');
          this.#failing = true;
        },
      ),
    );
    return this.#writing;
  }

  /** Writes the last rows, if the servers answer soon, and stops. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await settledWithin(this.write(), LAST_ROWS_MS);
  }

  async #write(): Promise<void> {
    const { pool, depths, instance, retentionHours } = this.#options;
    const depthOf = await depths();
    const now = performance.now();
    const intervalMs = Math.max(1, Math.round(now - this.#since));
    const votes = this.#votes;
    const reviewed = this.#reviewed;
    const { count, sum, max } = this.#batchMs;
    const own = <T>(queue: QueueName, value: T): T | null => (queue === QUEUES.aggregation ? value : null);
    const queues = Object.values(QUEUES);
    await pool.query({
      ...sql.write,
      values: [
        instance,
        intervalMs,
        queues,
        queues.map((queue) => depthOf.get(queue)?.messages ?? null),
        queues.map((queue) => depthOf.get(queue)?.consumers ?? null),
        queues.map((queue) => own(queue, votes)),
        queues.map((queue) => own(queue, (votes * 1000) / intervalMs)),
        queues.map((queue) => own(queue, count)),
        queues.map((queue) => own(queue, count === 0 ? null : sum / count)),
        queues.map((queue) => own(queue, count === 0 ? null : max)),
      ],
    });
    // Taken off only now: what could not be written is told with the next rows. Batches may have come since.
    this.#since = now;
    this.#votes -= votes;
    this.#batchMs =
      this.#batchMs.count === count
        ? { count: 0, sum: 0, max: 0 }
        : { count: this.#batchMs.count - count, sum: this.#batchMs.sum - sum, max: this.#batchMs.max };
    if (reviewed > 0) {
      await pool.query({ ...sql.addTotals, values: [['votes_reviewed'], [reviewed]] });
      this.#reviewed -= reviewed;
    }
    await pool.query(sql.writeSize);
    for (let i = 0; i < FORGET_STATEMENTS; i++) {
      const { rowCount } = await pool.query({ ...sql.forget, values: [retentionHours, FORGET_ROWS] });
      if ((rowCount ?? 0) < FORGET_ROWS) break;
    }
  }
}
