import { type FailureCode, ScrutinError } from '@scrutin/shared/errors.ts';
import type { Log } from '@scrutin/shared/log.ts';
import { readStatement } from '@scrutin/shared/postgres.ts';
import type { Pool } from 'pg';
import { digestVerified, parseSnapshot, type Snapshot } from './snapshot.ts';

const readSnapshot = readStatement(new URL('./sql/read-snapshot.sql', import.meta.url));

/** A reading takes a millisecond; one without an answer for so long means that there is none to come. */
const OVERDUE_MS = 2_500;

type Trouble = 'absent' | 'other-election' | 'unreadable' | 'unavailable';

const TROUBLES: Record<Trouble, { code: FailureCode; detail: string; log: string }> = {
  absent: {
    code: 'not-ready',
    detail: 'The election has not been published yet',
    log: 'the election is not published yet; waiting for the reconciler (npm run init)',
  },
  'other-election': {
    code: 'not-ready',
    detail: 'The election can’t be read',
    log: 'the database belongs to another election; check DATABASE_URL and ELECTION_ID',
  },
  unreadable: {
    code: 'not-ready',
    detail: 'The election can’t be read',
    log: 'the published election can’t be read: was it written by another version?',
  },
  unavailable: {
    code: 'ledger-unavailable',
    detail: 'The counts can’t be read right now',
    log: 'PostgreSQL is away; trying again',
  },
};

class UnusableSnapshot extends Error {
  override name = 'UnusableSnapshot';
  readonly trouble: Trouble;

  constructor(trouble: Trouble, options?: ErrorOptions) {
    super(TROUBLES[trouble].log, options);
    this.trouble = trouble;
  }
}

/** What the routes see. */
export interface SnapshotSource {
  /** Throws `not-ready` before the election was published, `ledger-unavailable` when what is known is too old. */
  require(): Snapshot;
  /** The last one read, however old: good for titles and times, not for counts. */
  readonly lastKnown: Snapshot | undefined;
}

export interface SnapshotFollowerOptions {
  pool: Pool;
  electionId: string;
  log: Log;
  refreshMs: number;
  /** What was read so long ago is not shown any more. Milliseconds. */
  staleMs: number;
  onRead?: (seconds: number, ok: boolean) => void;
  /** Whether the published digest is that of the counts; null while none is published. */
  onDigest?: (verified: boolean | null) => void;
}

/**
 * Reads election and counts at a steady pace, whatever the number of readers: they are answered from the
 * last reading, so a storm of them never reaches PostgreSQL (P6). When it is away, the last reading stands
 * in for a while.
 */
export class SnapshotFollower implements SnapshotSource {
  readonly #options: SnapshotFollowerOptions;
  #text = '';
  #snapshot: Snapshot | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #trouble: Trouble | undefined = 'absent';
  /** When the reading under way began; Infinity between two. */
  #askedAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SnapshotFollowerOptions) {
    this.#options = options;
  }

  /** Begins to follow. Resolves after the first reading, whether it succeeded or not. */
  async start(): Promise<void> {
    this.#reading = this.#read();
    await this.#reading;
  }

  /** Reads no more; resolves when the reading under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  get lastKnown(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Whether PostgreSQL answered the last reading, and does not keep the present one waiting. */
  get reachable(): boolean {
    return this.#trouble !== 'unavailable' && performance.now() - this.#askedAt < OVERDUE_MS;
  }

  /** Milliseconds since the last good reading; Infinity before the first. */
  get age(): number {
    return performance.now() - this.#readAt;
  }

  require(): Snapshot {
    if (this.#snapshot && this.age <= this.#options.staleMs + this.#options.refreshMs) return this.#snapshot;
    const { code, detail } = TROUBLES[this.#trouble ?? 'unavailable'];
    throw new ScrutinError(code, detail, { retryAfter: 2 });
  }

  async #read(): Promise<void> {
    const { pool, refreshMs, onRead } = this.#options;
    const start = performance.now();
    this.#askedAt = start;
    const seconds = () => (performance.now() - start) / 1000;
    try {
      const { rows } = await pool.query<{ snapshot: string }>(readSnapshot);
      this.#take(rows[0]?.snapshot);
      onRead?.(seconds(), true);
    } catch (error) {
      this.#trouble = this.#tell(error instanceof UnusableSnapshot ? error.trouble : 'unavailable', error);
      onRead?.(seconds(), false);
    }
    this.#askedAt = Number.POSITIVE_INFINITY;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.#read();
    }, refreshMs);
  }

  #take(text: string | undefined): void {
    if (text === undefined) throw new UnusableSnapshot('absent');
    if (text !== this.#text) {
      this.#snapshot = this.#parse(text);
      this.#text = text;
      this.#checkDigest(this.#snapshot);
    }
    this.#readAt = performance.now();
    if (this.#trouble !== undefined) this.#options.log.info('the counts can be read');
    this.#trouble = undefined;
  }

  #parse(text: string): Snapshot {
    let snapshot: Snapshot;
    try {
      snapshot = parseSnapshot(text);
    } catch (cause) {
      throw new UnusableSnapshot('unreadable', { cause });
    }
    if (snapshot.election.id !== this.#options.electionId) throw new UnusableSnapshot('other-election');
    return snapshot;
  }

  /** Only a change is told: a long outage must not fill the disk. */
  #tell(trouble: Trouble, error: unknown): Trouble {
    if (trouble !== this.#trouble) {
      const { log, electionId } = this.#options;
      const message = TROUBLES[trouble].log;
      if (trouble === 'absent') log.info({ electionId }, message);
      else log.warn({ electionId, err: error }, message);
    }
    return trouble;
  }

  #checkDigest(snapshot: Snapshot): void {
    const verified = digestVerified(snapshot);
    if (verified === false)
      this.#options.log.error({ published: snapshot.digest }, 'the counts differ from the published digest');
    this.#options.onDigest?.(verified);
  }
}
