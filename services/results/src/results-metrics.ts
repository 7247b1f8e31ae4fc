import { LATENCY_BUCKETS, SIZE_BUCKETS } from '@scrutin/shared/metrics.ts';
import type { RequestHandler } from 'express';
import { Gauge, Histogram, type Registry } from 'prom-client';

export function resultsMetrics(registry: Registry, state: { age: () => number; waiting: () => number }) {
  const registers = [registry];
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
    requestSeconds: new Histogram({
      name: 'scrutin_http_request_seconds',
      help: 'From a request’s headers to the end of its answer; route is the pattern, not the path',
      labelNames: ['method', 'route', 'status'],
      buckets: LATENCY_BUCKETS,
      registers,
    }),
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

const METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Rate, errors and duration of every request; what no route took counts as one route, `other`. */
export function measureRequests({ requestSeconds }: ResultsMetrics): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    response.once('close', () => {
      const path: unknown = request.route?.path;
      const labels = {
        method: METHODS.has(request.method) ? request.method : 'other',
        route: path === undefined ? 'other' : String([path].flat()[0]),
        // A client that left before the answer was complete.
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      };
      requestSeconds.observe(labels, (performance.now() - start) / 1000);
    });
    next();
  };
}
