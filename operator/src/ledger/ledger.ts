import { type PublishedElection, publishedElectionSchema } from '@scrutin/shared/election.ts';
import { readStatement } from '@scrutin/shared/postgres.ts';
import type pg from 'pg';

const statement = (name: string) => readStatement(new URL(`./sql/${name}.sql`, import.meta.url));
const sql = {
  publishElection: statement('publish-election'),
  publishedElection: statement('published-election'),
  setPhase: statement('set-phase'),
  ensureLaws: statement('ensure-laws'),
  counts: statement('counts'),
  laws: statement('laws'),
  participantsAfter: statement('participants-after'),
  closeElection: statement('close-election'),
  closedElection: statement('closed-election'),
  beforeClosing: statement('before-closing'),
  invariants: statement('invariants'),
  identity: statement('ledger-identity'),
  databaseIdentity: statement('database-identity'),
} as const;

/** SQLSTATE (appendix A of PostgreSQL's manual). */
const INSUFFICIENT_PRIVILEGE = '42501';

export interface LawCount {
  lawId: string;
  oui: number;
  non: number;
  total: number;
  updatedAt: Date;
}

/** An election's database as the reconciler uses it: what it publishes there, and what it asks of the tally. */
export class Ledger {
  readonly #pool: pg.Pool;

  /** `pool` connects as the database's owner; whoever made it ends it, or {@link end} does. */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Stores the election for the results stage and makes sure that each of its laws has a row in the tally.
   * To be done before votes are taken: the tally sends a vote on a law that it does not know to review.
   * Rejects if the database belongs to another election.
   */
  async publishElection(election: PublishedElection, phase: string): Promise<void> {
    await this.ensureLaws(election.laws.map((law) => law.id));
    await this.#pool.query({
      ...sql.publishElection,
      values: [election.id, JSON.stringify(election), election.eligible, phase],
    });
  }

  /** The election as last stored, with its phase, or undefined before the first time. */
  async published(): Promise<{ election: PublishedElection; phase: string } | undefined> {
    const { rows } = await this.#pool.query<{ document: unknown; phase: string }>(sql.publishedElection);
    const row = rows[0];
    return row && { election: publishedElectionSchema.parse(row.document), phase: row.phase };
  }

  /** Stores the phase alone. */
  async setPhase(phase: string): Promise<void> {
    await this.#pool.query({ ...sql.setPhase, values: [phase] });
  }

  /** Adds the laws that the tally does not have yet, with no votes. A law is never taken out. */
  async ensureLaws(lawIds: readonly string[]): Promise<void> {
    await this.#pool.query({ ...sql.ensureLaws, values: [lawIds] });
  }

  /** The tally, by law id. */
  async counts(): Promise<LawCount[]> {
    const { rows } = await this.#pool.query<{
      law_id: string;
      oui_count: string;
      non_count: string;
      total_votes: string;
      updated_at: Date;
    }>(sql.counts);
    return rows.map((row) => ({
      lawId: row.law_id,
      oui: Number(row.oui_count),
      non: Number(row.non_count),
      total: Number(row.total_votes),
      updatedAt: row.updated_at,
    }));
  }

  /**
   * Everyone who has voted, in batches of at most `batch` voters of one law. What is counted while this
   * runs may be left out: a voted mark for it was set on its way to the tally.
   */
  async *participants(batch = 10_000): AsyncGenerator<{ lawId: string; voters: Buffer[] }> {
    const laws = await this.#pool.query<{ law_id: string }>(sql.laws);
    for (const { law_id: lawId } of laws.rows) {
      let after: Buffer = Buffer.alloc(0);
      for (;;) {
        const { rows } = await this.#pool.query<{ voter: Buffer }>({
          ...sql.participantsAfter,
          values: [lawId, after, batch],
        });
        const last = rows.at(-1);
        if (!last) break;
        yield { lawId, voters: rows.map(({ voter }) => voter) };
        if (rows.length < batch) break;
        after = last.voter;
      }
    }
  }

  /** Names the database as it is: another name means that it was restored, or that another server took its place. */
  async identity(): Promise<string> {
    const ask = (name: 'identity' | 'databaseIdentity') => this.#pool.query<{ identity: string }>(sql[name]);
    const { rows } = await ask('identity').catch((error: { code?: string }) => {
      // A hosted PostgreSQL may keep the control file to itself.
      if (error.code === INSUFFICIENT_PRIVILEGE) return ask('databaseIdentity');
      throw error;
    });
    return rows[0]!.identity;
  }

  /**
   * Checks the tables against each other, at one moment: per law as many participants as votes in the tally
   * as ballots recorded as counted, as many duplicate attempts as duplicate ballots, and true running totals.
   * Reads every row: seconds on a large election.
   */
  async invariants(): Promise<{ ok: boolean; problems: string[] }> {
    const { rows } = await this.#pool.query<{ problem: string }>(sql.invariants);
    return { ok: rows.length === 0, problems: rows.map(({ problem }) => problem) };
  }

  /**
   * Writes down that the result is final. `digest` is the result's SHA-256, 64 hexadecimal digits. Done
   * again with the same digest it changes nothing; rejects if another digest was declared final before.
   */
  async close(digest: string, at: Date): Promise<void> {
    const { rowCount } = await this.#pool.query({ ...sql.closeElection, values: [at, digest] });
    if (rowCount === 1) return;
    const { rows } = await this.#pool.query<{ digest: string }>(sql.closedElection);
    if (rows.length === 0) throw new Error('the election has not been published in this database');
    if (rows[0]!.digest !== digest)
      throw new Error(`the result was declared final with the digest ${rows[0]!.digest}, not ${digest}`);
  }

  /** Seconds until the election closes by PostgreSQL's own clock; not above 0 once it has, and before it was published. */
  async secondsToClosing(): Promise<number> {
    const { rows } = await this.#pool.query<{ seconds: number }>(sql.beforeClosing);
    return rows[0]?.seconds ?? 0;
  }

  /** When and with which digest the result was declared final. */
  async closed(): Promise<{ at: Date; digest: string } | undefined> {
    const { rows } = await this.#pool.query<{ closed_at: Date | null; digest: string }>(sql.closedElection);
    const row = rows[0];
    return row?.closed_at ? { at: row.closed_at, digest: row.digest } : undefined;
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}
