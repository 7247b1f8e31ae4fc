import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
// biome-ignore lint/style/noRestrictedImports: a test makes its database as the reconciler does; the stage never does.
import { Ledger } from '@scrutin/operator/ledger/ledger.ts';
// biome-ignore lint/style/noRestrictedImports: the same.
import { dropLedger, migrateLedger } from '@scrutin/operator/ledger/migrate.ts';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, listen } from '@scrutin/shared/http.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import type pg from 'pg';
import { resultsApp } from '../app.ts';
import { BallotLookup, readOutcomes } from '../ballot-lookup.ts';
import { resultsMetrics } from '../results-metrics.ts';
import { SnapshotFollower } from '../snapshot-follower.ts';

export const OPENS = Date.parse('2026-10-05T12:00:00.000Z');
export const CLOSES = Date.parse('2026-10-06T00:00:00.000Z');

/** An election of two laws, with titles that a careless page would run. */
export const sampleElection = (id: string, changes: Partial<PublishedElection> = {}): PublishedElection => ({
  id,
  title: { fr: 'Référendum <b>"d’essai"</b> & plus', en: 'Sample referendum <script>alert(1)</script>' },
  laws: [
    {
      id: 'loi-2026-01',
      title: { fr: 'Loi sur l’eau', en: 'Water Act' },
      question: { fr: 'Oui ?', en: 'Yes?' },
    },
    { id: 'loi-2026-02', title: { fr: '=1+1, "citée"', en: 'Forest Act' } },
  ],
  opensAt: new Date(OPENS).toISOString(),
  closesAt: new Date(CLOSES).toISOString(),
  results: 'afterClose',
  recordClients: false,
  luhn: false,
  suspended: false,
  eligible: 2_000,
  layout: { shards: 1, bucketBits: 4 },
  ...changes,
});

export interface LedgerDatabase {
  electionId: string;
  url: string;
  ledger: Ledger;
  /** The owner's connections. */
  pool: pg.Pool;
  drop(): Promise<void>;
}

export const silent = createLog({ stage: 'results', level: 'silent' });

/** A fresh election's database on the server of DATABASE_URL. */
export async function ledgerDatabase(): Promise<LedgerDatabase> {
  const electionId = `results-${randomBytes(5).toString('hex')}`;
  const address = new URL(process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres');
  address.pathname = `/scrutin_${electionId.replace('-', '_')}`;
  await migrateLedger(address.href, silent);
  const pool = connectPostgres({ url: address.href, name: 'test', log: silent });
  return {
    electionId,
    url: address.href,
    ledger: new Ledger(pool),
    pool,
    async drop() {
      await pool.end();
      await dropLedger(address.href);
    },
  };
}

export interface ResultsStage {
  base: string;
  snapshots: SnapshotFollower;
  /** Lets the stage's clock stand at `ms` since the epoch. */
  setClock(ms: number): void;
  /** Resolves once the stage has read the ledger anew. */
  reread(): Promise<void>;
  stop(): Promise<void>;
}

/** The stage on a free port, with a clock of its own, wired as `main.ts` wires it. */
export async function startResultsStage(options: {
  electionId: string;
  url: string;
  refreshMs?: number;
  staleMs?: number;
  maxWaiting?: number;
  statementTimeout?: number;
}): Promise<ResultsStage> {
  const { electionId, url, refreshMs = 20, staleMs = 60_000, maxWaiting = 1_000 } = options;
  let now = OPENS;
  let readings = 0;
  const pool = connectPostgres({
    url,
    name: 'test results',
    role: 'scrutin_reader',
    max: 2,
    // On a busy machine a statement may take long.
    statementTimeout: options.statementTimeout ?? 20_000,
    log: silent,
  });
  const snapshots = new SnapshotFollower({
    pool,
    electionId,
    log: silent,
    refreshMs,
    staleMs,
    onRead: () => {
      readings++;
    },
  });
  const ballots = new BallotLookup({
    read: readOutcomes(pool),
    reachable: () => snapshots.reachable,
    maxWaiting,
  });
  const registry = createMetrics('results', electionId, '0');
  const health = new Health({
    stage: 'results',
    electionId,
    version: '0',
    checks: {
      postgresql: () => {
        if (!snapshots.reachable) throw new Error('away');
      },
    },
  });
  health.setReady(true);
  const app = resultsApp({
    electionId,
    snapshots,
    ballots,
    health,
    registry,
    metrics: resultsMetrics(registry, {
      age: () => snapshots.age,
      waiting: () => ballots.waiting,
      pool,
      postgresqlUp: () => snapshots.reachable,
    }),
    log: silent,
    timeZone: 'America/Toronto',
    clock: () => now,
  });
  const { server, listening }: { server: Server; listening: Promise<number> } = listen(app, '127.0.0.1', 0);
  const base = `http://127.0.0.1:${await listening}`;
  await snapshots.start();
  return {
    base,
    snapshots,
    setClock(ms) {
      now = ms;
    },
    async reread() {
      // The reading under way may have begun before what the test has just written.
      const wanted = readings + 2;
      while (readings < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async stop() {
      await closeServer(server);
      await snapshots.stop();
      await pool.end();
    },
  };
}
