import { Health } from '@scrutin/shared/health.ts';
import { closeServer } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import { watchPostgres } from '@scrutin/shared/postgres-watch.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import { resultsApp } from './app.ts';
import { BallotLookup, readOutcomes } from './ballot-lookup.ts';
import { settings } from './config.ts';
import { lawMetrics } from './law-metrics.ts';
import { resultsMetrics } from './results-metrics.ts';
import { SnapshotFollower } from './snapshot-follower.ts';

/** One statement reads the counts, one looks ballots up: more connections would never be used. */
const CONNECTIONS = 2;
/** Both are a few index look-ups. Milliseconds. */
const STATEMENT_TIMEOUT_MS = 2_000;

const { config, log } = startStage('results', settings);

const registry = createMetrics('results', config.ELECTION_ID, VERSION);
const pool = connectPostgres({
  url: config.DATABASE_URL,
  name: `scrutin results ${process.pid}`,
  role: config.DATABASE_ROLE,
  max: CONNECTIONS,
  statementTimeout: STATEMENT_TIMEOUT_MS,
  log,
});
const metrics = resultsMetrics(registry, {
  age: () => snapshots.age,
  waiting: () => ballots.waiting,
  pool,
  postgresqlUp: () => postgres.up,
});
const postgres = watchPostgres(pool, metrics.statement);
const snapshots = new SnapshotFollower({
  pool,
  electionId: config.ELECTION_ID,
  log,
  refreshMs: config.REFRESH_MS,
  staleMs: config.STALE_MS,
  onRead: (seconds, ok) => metrics.snapshotSeconds.observe({ ok: String(ok) }, seconds),
  onDigest: (verified) => metrics.digestVerified.set(verified === null ? -1 : Number(verified)),
});
lawMetrics(registry, snapshots);
const ballots = new BallotLookup({
  read: readOutcomes(pool),
  reachable: () => snapshots.reachable,
  maxWaiting: config.MAX_WAITING_LOOKUPS,
  onQuery: (count) => metrics.lookupBallots.observe(count),
});
const health = new Health({
  stage: 'results',
  electionId: config.ELECTION_ID,
  version: VERSION,
  checks: {
    postgresql: () => {
      if (!snapshots.reachable) throw new Error('the last reading of the counts had no answer');
    },
    election: () => {
      if (!snapshots.lastKnown)
        throw new Error('not published yet: the reconciler (npm run init) publishes it');
    },
  },
});

const app = resultsApp({
  electionId: config.ELECTION_ID,
  snapshots,
  ballots,
  health,
  registry,
  metrics,
  log,
  timeZone: config.TIME_ZONE,
});

const parts = { config, log, health };
const server = await serveStage(app, parts, 'results can be read');
void snapshots.start();

stopStageOnSignal(parts, server, [
  { name: 'finish requests', run: () => closeServer(server) },
  { name: 'stop following', run: () => snapshots.stop() },
  { name: 'close PostgreSQL', run: () => pool.end() },
]);
