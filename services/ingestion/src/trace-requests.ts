import type { VoteTracing } from '@scrutin/shared/vote-tracing.ts';
import type { RequestHandler } from 'express';

/**
 * Begins a trace for each request that is sampled, and ends its first span with the answer. The client's own
 * `traceparent` is not read: it would let anybody turn tracing on, and join what a proxy in front knows of
 * an address to a ballot (P5).
 */
export const traceRequests =
  (tracing: VoteTracing, route: string): RequestHandler =>
  (request, response, next) => {
    const span = tracing.beginRequest(route);
    if (span) {
      tracing.follow(request, span);
      response.once('close', () => {
        const answered = response.writableFinished;
        if (answered) span.set({ 'http.response.status_code': response.statusCode });
        span.end(!answered || response.statusCode >= 500);
      });
    }
    next();
  };
