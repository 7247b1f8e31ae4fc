import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { Histogram, type Registry } from 'prom-client';
import { LATENCY_BUCKETS } from './metrics.ts';

/** Anything else that a client sends as a method counts as `other`. */
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Begins to measure a request; the end of its answer ends it. */
export type RequestMeter = (
  request: IncomingMessage & { route?: { path: unknown } },
  response: ServerResponse,
) => void;

export type RequestSeconds = Histogram<'method' | 'route' | 'status'>;

/** Rate, errors and duration of every request. */
export function requestHistogram(registry: Registry): RequestSeconds {
  return new Histogram({
    name: 'scrutin_http_request_seconds',
    help: 'From a request’s headers to the end of its answer; route is the pattern, not the path',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
}

/** No client can make a series: what no route took counts as one route, `other`, and a route is told by its pattern. */
export function requestMeter(requestSeconds: RequestSeconds): RequestMeter {
  return (request, response) => {
    const start = performance.now();
    response.once('close', () => {
      // Express sets it on the request when a route takes it.
      const path = request.route?.path;
      const method = request.method ?? '';
      const labels = {
        method: METHODS.has(method) ? method : 'other',
        route: path === undefined ? 'other' : String([path].flat()[0]),
        // A client that left before the answer was complete.
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      };
      requestSeconds.observe(labels, (performance.now() - start) / 1000);
    });
  };
}

/** {@link requestMeter} as the first handler of an application. */
export function measureRequests(registry: Registry): RequestHandler {
  const measure = requestMeter(requestHistogram(registry));
  return (request, response, next) => {
    measure(request, response);
    next();
  };
}
