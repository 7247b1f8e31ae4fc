import type { RequestHandler } from 'express';
import { Histogram, type Registry } from 'prom-client';
import { LATENCY_BUCKETS } from './metrics.ts';

/** Anything else that a client sends as a method counts as `other`. */
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Rate, errors and duration of every request. No client can make a series: what no route took counts as one route,
 * `other`, and a route is told by its pattern.
 */
export function measureRequests(registry: Registry): RequestHandler {
  const requestSeconds = new Histogram({
    name: 'scrutin_http_request_seconds',
    help: 'From a request’s headers to the end of its answer; route is the pattern, not the path',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
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
