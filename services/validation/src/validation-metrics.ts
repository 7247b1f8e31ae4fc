import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import { type QueueState, queueMetrics } from '@scrutin/shared/queue-metrics.ts';
import { connectionMetrics, redisCallMetrics } from '@scrutin/shared/server-metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Decision } from './outcome.ts';

const DECISIONS: readonly Decision[] = ['validated', 'duplicate', 'invalid'];

export interface ValidationState {
  /** Its queue, as far as this worker holds messages of it. */
  queue: () => QueueState;
  inFlight: () => number;
  redisUp: () => boolean;
  rabbitmqUp: () => boolean;
}

export function validationMetrics(registry: Registry, state: ValidationState) {
  const registers = [registry];
  connectionMetrics(registry, { redis: state.redisUp, rabbitmq: state.rabbitmqUp });
  queueMetrics(registry, () => [state.queue()]);
  new Gauge({
    name: 'scrutin_validation_inflight_confirms',
    help: 'Messages published and not confirmed yet',
    registers,
    collect() {
      this.set(state.inFlight());
    },
  });
  const metrics = {
    redisCall: redisCallMetrics(registry, ['read-election', 'decide']),
    decided: new Counter({
      name: 'scrutin_votes_decided_total',
      help: 'Votes decided, by outcome: validated, duplicate or invalid',
      labelNames: ['outcome'],
      registers,
    }),
    batchVotes: new Histogram({
      name: 'scrutin_validation_batch_votes',
      help: 'Votes decided together',
      buckets: SIZE_BUCKETS,
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'scrutin_validation_batch_seconds',
      help: 'From taking a batch to its acknowledgement',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    decideSeconds: new Histogram({
      name: 'scrutin_redis_decide_seconds',
      help: 'Redis script calls of one batch',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    confirmSeconds: new Histogram({
      name: 'scrutin_validation_confirm_seconds',
      help: 'From publishing a batch’s outcomes to the broker’s last confirm of them',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    retries: new Counter({
      name: 'scrutin_validation_retries_total',
      help: 'Batches held and tried again because Redis or RabbitMQ did not answer',
      registers,
    }),
    rejected: new Counter({
      name: 'scrutin_validation_rejected_total',
      help: 'Messages and votes that could not be read and went to review',
      registers,
    }),
  };
  // A rate over a counter that appears with its first increment misses that increment.
  for (const outcome of DECISIONS) metrics.decided.inc({ outcome }, 0);
  return metrics;
}

/** Counts a batch's decisions: three sums, not one increment a vote. */
export function countDecisions(
  { decided }: Pick<ReturnType<typeof validationMetrics>, 'decided'>,
  decisions: readonly Decision[],
): void {
  for (const outcome of DECISIONS)
    decided.inc({ outcome }, decisions.filter((decision) => decision === outcome).length);
}
