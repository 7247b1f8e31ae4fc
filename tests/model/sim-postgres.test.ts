import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import fc from 'fast-check';
import pg from 'pg';
import { type FreshLedger, freshLedger } from '../../operator/src/ledger/testing/fresh-ledger.ts';
import { type BatchRecord, recordBatch } from '../../services/aggregation/src/record-batch.ts';
import { duplicate, invalid, validated } from '../../services/aggregation/src/testing/votes.ts';
import { LedgerTables } from './ledger-tables.ts';
import { SimPostgres } from './sim-postgres.ts';
import { Incarnation, World } from './world.ts';

/**
 * What the model believes of PostgreSQL, held against PostgreSQL: two aggregations take turns statement by
 * statement; the same statements wait for each other, and the same is on record in the end.
 */

const LAWS = ['loi-1', 'loi-2'];

/** Two aggregations, each with its batches, that go on by one statement when told so. */
interface Sessions {
  /** Lets a session send its next statement. Resolves with what became of both: done, waiting, or ended. */
  advance(session: number): Promise<string>;
  records(): Promise<unknown[]>;
  tables(): Promise<unknown>;
}

let ledger: FreshLedger;
let watcher: pg.Client;
beforeAll(async () => {
  ledger = await freshLedger(LAWS);
  watcher = new pg.Client({ connectionString: ledger.url });
  await watcher.connect();
}, 60_000);
afterAll(async () => {
  await watcher?.end();
  await ledger?.drop();
});

const summary = ({ counted, duplicates, invalid: bad, redelivered }: BatchRecord) => ({
  counted: counted.map(({ ballot_id }) => ballot_id).sort(),
  duplicates,
  invalid: bad,
  redelivered,
});

async function takeBatches(pool: pg.Pool, batches: DecidedVote[][], done: unknown[]): Promise<void> {
  for (const votes of batches) done.push(summary(await recordBatch(pool, votes)));
}

/** A session on the real server, whose statements wait to be let through. */
class RealSession {
  readonly done: unknown[] = [];
  ended: Promise<void>;
  over = false;
  #gate: (() => void) | undefined;
  #arrived: () => void = () => {};
  #pid = 0;
  running = false;

  constructor(pool: pg.Pool, batches: DecidedVote[][]) {
    const connect = async () => {
      const client = await pool.connect();
      this.#pid = (client as unknown as { processID: number }).processID;
      const query = async (statement: string | pg.QueryConfig) => {
        this.running = false;
        await new Promise<void>((resolve) => {
          this.#gate = resolve;
          this.#arrived();
        });
        this.running = true;
        return client.query(statement);
      };
      return { query, on: () => {}, off: () => {}, release: (broken?: Error) => client.release(broken) };
    };
    this.ended = takeBatches({ connect } as unknown as pg.Pool, batches, this.done).then(() => {
      this.over = true;
      this.#arrived();
    });
  }

  /** Resolves when the next statement stands at the gate, the present one waits for a lock, or all is over. */
  async come(): Promise<string> {
    for (;;) {
      if (this.over) return 'over';
      if (this.#gate) return 'ready';
      const { rows } = await watcher.query<{ waits: boolean }>({
        name: 'waits',
        text: 'select cardinality(pg_blocking_pids($1)) > 0 as waits',
        values: [this.#pid],
      });
      if (this.running && rows[0]!.waits) return 'waits';
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#arrived = resolve;
        }),
        new Promise((resolve) => setTimeout(resolve, 2)),
      ]);
    }
  }

  let(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    gate?.();
  }
}

async function onPostgres(batches: DecidedVote[][][], pools: pg.Pool[]): Promise<Sessions> {
  await ledger.pool.query(`truncate participation, vote_audit, duplicate_attempts;
    update vote_results set oui_count = 0, non_count = 0, total_votes = 0;
    update system_stats set value = 0`);
  const sessions = batches.map((each, i) => new RealSession(pools[i]!, each));
  return {
    advance: async (which) => {
      await sessions[which]!.come();
      sessions[which]!.let();
      const first = await sessions[which]!.come();
      return `${which} ${first}, other ${await sessions[1 - which]!.come()}`;
    },
    records: async () => {
      await Promise.all(sessions.map(({ ended }) => ended));
      return sessions.map(({ done }) => done);
    },
    tables: async () => {
      const query = async (text: string) =>
        (await ledger.pool.query<{ key: string; value: string }>(text)).rows;
      const table = async (text: string) =>
        Object.fromEntries((await query(text)).map(({ key, value }) => [key, value]));
      return {
        participation: await table(
          `select law_id || ' ' || encode(voter, 'hex') as key, 'true' as value from participation`,
        ),
        audit:
          await table(`select ballot_id as key, law_id || ' ' || status || ' ' || coalesce(metadata ->> 'decided_by', '') || ' '
          || coalesce(metadata ->> 'decided_before', '') as value from vote_audit`),
        attempts: await table(`select law_id || ' ' || encode(voter, 'hex') as key, attempt_count || ' '
          || (extract(epoch from first_attempt_at) * 1000)::bigint || ' ' || (extract(epoch from last_attempt_at) * 1000)::bigint as value
          from duplicate_attempts`),
        totals: await table(`select name as key, value::text from system_stats
          where name in ('ballots_recorded', 'batches_recorded', 'votes_counted', 'votes_duplicate', 'votes_invalid', 'votes_redelivered')`),
        results: await table(
          `select law_id as key, oui_count || ' ' || non_count as value from vote_results`,
        ),
      };
    },
  };
}

async function onModel(batches: DecidedVote[][][]): Promise<Sessions> {
  const world = new World();
  const tables = new LedgerTables(LAWS);
  const postgres = new SimPostgres(world, tables);
  const done: unknown[][] = [[], []];
  const over = [false, false];
  const selves = batches.map((_, i) => new Incarnation(`aggregation ${i}`));
  for (const [i, each] of batches.entries())
    await world.begin(selves[i], async () => {
      await takeBatches(postgres.pool(selves[i]!) as unknown as pg.Pool, each, done[i]!);
      over[i] = true;
    });
  const linkOf = (i: number) => world.links.find(({ client }) => client === selves[i]);
  const stateOf = (i: number) => (over[i] ? 'over' : linkOf(i)?.stalled ? 'waits' : 'ready');
  const waited = [false, false];
  const serve = async (i: number) => {
    const link = linkOf(i);
    if (over[i] || !link?.serves) return;
    await world.begin(selves[i], link.serve);
    while (link.tells) await world.begin(selves[i], link.tell);
    waited[i] = link.stalled;
  };
  return {
    advance: async (which) => {
      if (!waited[which]) await serve(which);
      // Who waited goes on by itself when it may.
      for (const i of [which, 1 - which]) if (waited[i] && !linkOf(i)!.stalled) await serve(i);
      return `${which} ${stateOf(which)}, other ${stateOf(1 - which)}`;
    },
    records: async () => done,
    tables: async () => {
      const entries = <T>(rows: Map<string, T>, text: (row: T) => string) =>
        Object.fromEntries([...rows].map(([key, row]) => [key, text(row)]));
      return {
        participation: entries(tables.participation.committed, String),
        audit: entries(tables.audit.committed, ({ law_id, status, metadata }) => {
          const { decided_by = '', decided_before = '' } = JSON.parse(metadata ?? '{}');
          return `${law_id} ${status} ${decided_by} ${decided_before}`;
        }),
        attempts: entries(
          tables.attempts.committed,
          ({ count, firstAt, lastAt }) => `${count} ${Date.parse(firstAt)} ${Date.parse(lastAt)}`,
        ),
        totals: entries(tables.totals.committed, String),
        results: entries(tables.results.committed, ({ oui, non }) => `${oui} ${non}`),
      };
    },
  };
}

const BALLOTS = 8;
const ballotArbitrary = fc.record({
  voter: fc.constantFrom('u', 'v', 'w'),
  law: fc.constantFrom(...LAWS),
  choice: fc.constantFrom('oui' as const, 'non' as const),
  at: fc.nat(59).map((second) => `2026-05-04T10:00:${String(second).padStart(2, '0')}.000Z`),
});
const batchesArbitrary = fc.array(
  fc.array(
    fc.record({
      ballot: fc.nat(BALLOTS - 1),
      status: fc.constantFrom(validated, validated, duplicate, invalid),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  { minLength: 1, maxLength: 3 },
);

test('two aggregations wait for each other and leave the same behind in the simulated PostgreSQL as in PostgreSQL', async () => {
  const pools = [ledger.connectAs('scrutin_writer', 1), ledger.connectAs('scrutin_writer', 1)];
  // Not fast-check's own limit: it would leave transactions behind.
  const end = performance.now() + 20_000;
  const property = fc.asyncProperty(
    fc.array(ballotArbitrary, { minLength: BALLOTS, maxLength: BALLOTS }),
    fc.tuple(batchesArbitrary, batchesArbitrary),
    fc.array(fc.nat(1), { minLength: 0, maxLength: 60 }),
    async (ballots, deliveries, turns) => {
      if (performance.now() > end) return;
      const batches = deliveries.map((session) =>
        session.map((batch) =>
          batch.map(
            ({ ballot, status }): DecidedVote => status({ ...ballots[ballot]!, ballot: String(ballot) }),
          ),
        ),
      );
      const model = await onModel(batches);
      const real = await onPostgres(batches, pools);
      const rest = Array.from({ length: 200 }, (_, i) => i % 2);
      try {
        for (const turn of [...turns, ...rest]) {
          const became = await real.advance(turn);
          expect(await model.advance(turn)).toBe(became);
          if (became.match(/over/g)?.length === 2) break;
        }
      } finally {
        // What was begun holds locks: it is brought to its end, also if the comparison has failed.
        for (let turn = 0; turn < 200; turn++) await real.advance(turn % 2);
      }
      expect(await model.records()).toEqual(await real.records());
      expect(await model.tables()).toEqual(await real.tables());
    },
  );
  await fc.assert(property, { numRuns: 40, endOnFailure: true });
}, 120_000);
