import { hostname } from 'node:os';
import { BatchConsumer } from '@scrutin/shared/batch-consumer.ts';
import { Health } from '@scrutin/shared/health.ts';
import { closeServer, createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import { watchPostgres } from '@scrutin/shared/postgres-watch.ts';
import { Publisher } from '@scrutin/shared/publisher.ts';
import { QueueDepths } from '@scrutin/shared/queue-depths.ts';
import { type QueueState, withHeld } from '@scrutin/shared/queue-metrics.ts';
import { settledWithin } from '@scrutin/shared/retry.ts';
import { sendToReview } from '@scrutin/shared/review.ts';
import { serveStage, startStage, stopStageOnSignal } from '@scrutin/shared/stage.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { openTracing } from '@scrutin/shared/tracing.ts';
import { VERSION } from '@scrutin/shared/version.ts';
import { type DecidedVote, decidedVoteSchema } from '@scrutin/shared/vote-message.ts';
import { aggregationMetrics, observeRecord } from './aggregation-metrics.ts';
import { settings } from './config.ts';
import { checkLedger } from './ledger-check.ts';
import { QueueStats } from './queue-stats.ts';
import { QueueWatch } from './queue-watch.ts';
import { tally } from './tally.ts';

/** A server that doesn't answer a close for so long is left alone. */
const CLOSE_TIMEOUT_MS = 1_000;

const { config, log } = startStage('aggregation', settings);
const tracing = await openTracing(config, 'aggregation', log);

const registry = createMetrics('aggregation', config.ELECTION_ID, VERSION);
const pool = connectPostgres({
  url: config.DATABASE_URL,
  name: `scrutin aggregation ${process.pid}`,
  role: config.DATABASE_ROLE,
  statementTimeout: config.STATEMENT_TIMEOUT_MS,
  log,
});
const metrics = aggregationMetrics(registry, {
  queues: () => queueStates(),
  pool,
  postgresqlUp: () => postgres.up,
  rabbitmqUp: () => consumer.consuming && publisher.ready,
});
const postgres = watchPostgres(pool, metrics.statement);
const publisher = await Publisher.open({
  url: config.RABBITMQ_URL,
  name: `aggregation publisher ${process.pid}`,
  log,
  confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
});
const queueDepths = QueueDepths.open({
  url: config.RABBITMQ_URL,
  name: `aggregation queue depths ${process.pid}`,
  log,
});
const queues = new QueueWatch({ depths: () => queueDepths.read() });
const stats = new QueueStats({
  pool,
  depths: () => queueDepths.read(),
  instance: `${hostname()}:${process.pid}`,
  intervalMs: config.STATS_INTERVAL_MS,
  retentionHours: config.STATS_RETENTION_HOURS,
  log,
});

/** Records a batch. Safe to repeat: the ledger knows a ballot that it has seen, and who has voted. */
async function aggregate(votes: DecidedVote[]): Promise<void> {
  const start = performance.now();
  await tally(votes, {
    pool,
    review: async (vote, reason) => {
      await sendToReview(publisher, { queue: QUEUES.aggregation, vote, reason });
      metrics.counted.inc({ outcome: 'reviewed' });
      stats.addReviewed(1);
    },
    onRecorded: (record) => observeRecord(metrics, record, Date.now()),
    log,
    traceOf: (vote) => tracing?.idOf(vote),
  });
  queues.taken(votes.at(-1)!.timestamp);
  metrics.tallySeconds.observe((performance.now() - start) / 1000);
  tracing?.record(votes, { name: 'commit', start, system: 'postgresql', operation: 'COMMIT' });
}

const consumer = await BatchConsumer.open({
  url: config.RABBITMQ_URL,
  name: `aggregation consumer ${process.pid}`,
  queue: QUEUES.aggregation,
  voteSchema: decidedVoteSchema,
  prefetch: config.PREFETCH,
  maxVotes: config.BATCH_MAX_VOTES,
  lingerMs: config.BATCH_LINGER_MS,
  handle: aggregate,
  review: publisher,
  log,
  tracing,
  onBatch: (votes, _messages, seconds) => {
    metrics.batchVotes.observe(votes);
    metrics.batchSeconds.observe(seconds);
    stats.addBatch(votes, seconds);
  },
  onRetry: () => metrics.retries.inc(),
  onRejected: (count) => {
    metrics.rejected.inc(count);
    stats.addReviewed(count);
  },
});

/** The queues as the broker tells of them, and of its own what this process holds. */
const queueStates = (): QueueState[] =>
  queues
    .states()
    .map((state) => (state.queue === QUEUES.aggregation ? withHeld(state, consumer.held) : state));

const health = new Health({
  stage: 'aggregation',
  electionId: config.ELECTION_ID,
  version: VERSION,
  checks: {
    rabbitmq: () => {
      if (!consumer.consuming || !publisher.ready)
        throw new Error('not connected, or its queues are not there');
    },
    postgres: () => checkLedger(pool),
  },
});
const app = createApp();
mountProbes(app, health, registry);
mountErrors(app, log);
const parts = { config, log, health };
const server = await serveStage(app, parts, 'aggregation works');
queues.start();

stopStageOnSignal(parts, server, [
  { name: 'finish the batch', run: () => consumer.stop() },
  { name: 'stop looking at the queues', run: () => queues.stop() },
  { name: 'write the last statistics', run: () => stats.stop() },
  { name: 'close RabbitMQ', run: () => Promise.all([publisher.close(), queueDepths.close()]) },
  { name: 'close PostgreSQL', run: () => settledWithin(pool.end(), CLOSE_TIMEOUT_MS) },
  { name: 'close HTTP', run: () => closeServer(server) },
  { name: 'send the last spans', run: () => tracing?.close() },
]);
