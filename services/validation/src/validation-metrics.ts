import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import { Counter, Histogram, type Registry } from 'prom-client';

export function validationMetrics(registry: Registry) {
  const registers = [registry];
  return {
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
}
