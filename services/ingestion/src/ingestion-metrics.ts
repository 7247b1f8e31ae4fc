import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export function ingestionMetrics(
  registry: Registry,
  state: { pending: () => number; inFlight: () => number },
) {
  const registers = [registry];
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
  return {
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
      help: 'From the request’s body to its 202',
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
}

export type IngestionMetrics = ReturnType<typeof ingestionMetrics>;
