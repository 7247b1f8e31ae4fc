import { globSync } from 'node:fs';
import { AGE_BUCKETS, LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import { consumerMetrics, type QueueState, queueMetrics } from '@scrutin/shared/queue-metrics.ts';
import {
  connectionMetrics,
  type PoolState,
  poolMetrics,
  postgresCallMetrics,
} from '@scrutin/shared/server-metrics.ts';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { BatchRecord } from './record-batch.ts';

/** A transaction's ends, and every statement of `sql/`. */
const STATEMENTS = [
  'begin',
  'commit',
  'rollback',
  'other',
  ...globSync('*.sql', { cwd: new URL('./sql/', import.meta.url) }).map((file) => file.slice(0, -4)),
].sort();

const TALLY_OUTCOMES = ['aggregated', 'duplicate', 'invalid', 'redelivered', 'reviewed'] as const;

export interface AggregationState {
  queues: () => readonly QueueState[];
  pool: PoolState;
  postgresqlUp: () => boolean;
  rabbitmqUp: () => boolean;
}

export function aggregationMetrics(registry: Registry, state: AggregationState) {
  const registers = [registry];
  connectionMetrics(registry, { postgresql: state.postgresqlUp, rabbitmq: state.rabbitmqUp });
  poolMetrics(registry, state.pool);
  queueMetrics(registry, state.queues);
  consumerMetrics(registry, state.queues);
  const metrics = {
    statement: postgresCallMetrics(registry, STATEMENTS),
    counted: new Counter({
      name: 'scrutin_votes_counted_total',
      help: 'Votes committed to the ledger, by outcome; redelivered ones changed nothing, reviewed ones went to review',
      labelNames: ['outcome'],
      registers,
    }),
    age: new Histogram({
      name: 'scrutin_vote_age_at_commit_seconds',
      help: 'From a vote’s arrival at ingestion to the commit that counted it',
      buckets: AGE_BUCKETS,
      registers,
    }),
    batchVotes: new Histogram({
      name: 'scrutin_aggregation_batch_votes',
      help: 'Votes recorded together',
      buckets: SIZE_BUCKETS,
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'scrutin_aggregation_batch_seconds',
      help: 'From taking a batch to its acknowledgement',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    tallySeconds: new Histogram({
      name: 'scrutin_postgres_tally_seconds',
      help: 'Transactions of one batch, one unless a vote could not be recorded',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    retries: new Counter({
      name: 'scrutin_aggregation_retries_total',
      help: 'Batches held and tried again because PostgreSQL or RabbitMQ did not answer',
      registers,
    }),
    rejected: new Counter({
      name: 'scrutin_aggregation_rejected_total',
      help: 'Messages and votes that could not be read and went to review',
      registers,
    }),
  };
  // A rate over a counter that appears with its first increment misses that increment.
  for (const outcome of TALLY_OUTCOMES) metrics.counted.inc({ outcome }, 0);
  return metrics;
}

export type AggregationMetrics = ReturnType<typeof aggregationMetrics>;

/** Counts what a commit at `now` (milliseconds since the epoch) has recorded. */
export function observeRecord(metrics: AggregationMetrics, record: BatchRecord, now: number): void {
  metrics.counted.inc({ outcome: 'aggregated' }, record.counted.length);
  metrics.counted.inc({ outcome: 'duplicate' }, record.duplicates);
  metrics.counted.inc({ outcome: 'invalid' }, record.invalid);
  metrics.counted.inc({ outcome: 'redelivered' }, record.redelivered);
  for (const { timestamp } of record.counted)
    metrics.age.observe(Math.max(0, now - Date.parse(timestamp)) / 1000);
}
