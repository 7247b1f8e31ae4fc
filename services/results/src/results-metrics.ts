import { measureRequests } from '@scrutin/shared/http-metrics.ts';
import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import {
  connectionMetrics,
  type PoolState,
  poolMetrics,
  postgresCallMetrics,
} from '@scrutin/shared/server-metrics.ts';
import { Gauge, Histogram, type Registry } from 'prom-client';

export interface ResultsState {
  /** Milliseconds since the counts were read; Infinity before. */
  age: () => number;
  waiting: () => number;
  pool: PoolState;
  postgresqlUp: () => boolean;
}

export function resultsMetrics(registry: Registry, state: ResultsState) {
  const registers = [registry];
  connectionMetrics(registry, { postgresql: state.postgresqlUp });
  poolMetrics(registry, state.pool);
  new Gauge({
    name: 'scrutin_results_snapshot_age_seconds',
    help: 'Since the counts were last read; -1 before the first time',
    registers,
    collect() {
      const age = state.age();
      this.set(Number.isFinite(age) ? age / 1000 : -1);
    },
  });
  new Gauge({
    name: 'scrutin_results_waiting_lookups',
    help: 'Ballots whose status is being looked up',
    registers,
    collect() {
      this.set(state.waiting());
    },
  });
  return {
    measureRequests: measureRequests(registry),
    statement: postgresCallMetrics(registry, ['read-snapshot', 'ballot-outcomes', 'other']),
    snapshotSeconds: new Histogram({
      name: 'scrutin_results_snapshot_read_seconds',
      help: 'Reading election and counts from PostgreSQL',
      labelNames: ['ok'],
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    lookupBallots: new Histogram({
      name: 'scrutin_results_lookup_ballots',
      help: 'Ballots looked up by one query',
      buckets: SIZE_BUCKETS,
      registers,
    }),
    digestVerified: new Gauge({
      name: 'scrutin_results_digest_verified',
      help: '1: the counts have the published digest; 0: they differ; -1: none is published',
      registers,
    }),
  };
}

export type ResultsMetrics = ReturnType<typeof resultsMetrics>;
