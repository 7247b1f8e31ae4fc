import type { FailureCode } from '@scrutin/shared/errors.ts';
import { requestHistogram, requestMeter } from '@scrutin/shared/http-metrics.ts';
import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import { connectionMetrics, redisCallMetrics } from '@scrutin/shared/server-metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Why a vote is not accepted; `unreadable`: a request that broke HTTP itself, or a fault of ours. */
const REASONS: readonly (FailureCode | 'unreadable')[] = [
  'not-json',
  'bad-idempotency-key',
  'bad-request',
  'not-open',
  'closed',
  'suspended',
  'unknown-law',
  'too-large',
  'not-json-type',
  'invalid-submission',
  'rate-limited',
  'overloaded',
  'broker-unavailable',
  'not-ready',
  'unreadable',
];

export interface IngestionState {
  waiting: () => number;
  pending: () => number;
  inFlight: () => number;
  redisUp: () => boolean;
  rabbitmqUp: () => boolean;
}

export function ingestionMetrics(registry: Registry, state: IngestionState) {
  const registers = [registry];
  connectionMetrics(registry, { redis: state.redisUp, rabbitmq: state.rabbitmqUp });
  new Gauge({
    name: 'scrutin_ingestion_waiting_votes',
    help: 'Votes that have arrived and whose work has not begun',
    registers,
    collect() {
      this.set(state.waiting());
    },
  });
  new Gauge({
    name: 'scrutin_ingestion_pending_votes',
    help: 'Votes taken that wait for the broker’s confirm',
    registers,
    collect() {
      this.set(state.pending());
    },
  });
  new Gauge({
    name: 'scrutin_ingestion_inflight_confirms',
    help: 'Messages published and not confirmed yet',
    registers,
    collect() {
      this.set(state.inFlight());
    },
  });
  const requestSeconds = requestHistogram(registry);
  const metrics = {
    requestSeconds,
    measureRequest: requestMeter(requestSeconds),
    redisCall: redisCallMetrics(registry, ['read-election', 'count-requests']),
    received: new Counter({
      name: 'scrutin_votes_received_total',
      help: 'Votes posted, before anything is refused: accepted, refused and those under way',
      registers,
    }),
    accepted: new Counter({
      name: 'scrutin_votes_accepted_total',
      help: 'Votes answered with 202, each after the broker’s confirm',
      registers,
    }),
    refused: new Counter({
      name: 'scrutin_votes_refused_total',
      help: 'Votes not accepted, by the problem’s code',
      labelNames: ['reason'],
      registers,
    }),
    acceptSeconds: new Histogram({
      name: 'scrutin_ingestion_accept_seconds',
      help: 'From the request’s arrival to its 202, without the time that its client took for the body',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    messageVotes: new Histogram({
      name: 'scrutin_ingestion_message_votes',
      help: 'Votes that travelled in one message',
      buckets: SIZE_BUCKETS,
      registers,
    }),
    confirmSeconds: new Histogram({
      name: 'scrutin_ingestion_confirm_seconds',
      help: 'From publishing a message to the broker’s confirm',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
  };
  // A rate over a counter that appears with its first increment misses that increment.
  for (const reason of REASONS) metrics.refused.inc({ reason }, 0);
  return metrics;
}

export type IngestionMetrics = ReturnType<typeof ingestionMetrics>;
