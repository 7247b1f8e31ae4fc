import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import type { Registry } from 'prom-client';
import { FAILURES, type FailureCode, ScrutinError } from './errors.ts';
import type { Health } from './health.ts';
import type { Log } from './log.ts';

export { closeServer, listen } from './http-server.ts';

/** An express application as every stage begins with: no fingerprint, no ETags over live data. */
export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  return app;
}

/** For paths that are only read: 405 to every other method, with the methods that they take. */
export function onlyRead(app: Express, paths: readonly string[]): void {
  app.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD' || !paths.includes(request.path)) return next();
    response.set('Allow', 'GET, HEAD');
    sendProblem(response, 'method-not-allowed', 'This address is only read, with GET');
  });
}

/** `/livez`, `/readyz`, `/health` (and `/api/v1/health`), `/metrics`. */
export function mountProbes(app: Express, health: Health, registry: Registry): void {
  app.get('/livez', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });
  app.get('/readyz', async (_request, response) => {
    const ready = await health.isReady();
    response.status(ready ? 200 : 503).json({ ready });
  });
  app.get(['/health', '/api/v1/health'], async (_request, response) => {
    const report = await health.report();
    response.status(report.status === 'healthy' ? 200 : 503).json(report);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  onlyRead(app, ['/livez', '/readyz', '/health', '/api/v1/health', '/metrics']);
}

/** A problem as RFC 9457 (`application/problem+json`) writes it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: FailureCode;
  detail: string;
  errors?: readonly { field: string; message: string }[];
}

export function problem(code: FailureCode, detail: string, errors?: Problem['errors']): Problem {
  const { title, status } = FAILURES[code];
  return {
    type: `https://scrutin.dev/problems/${code}`,
    title,
    status,
    code,
    detail,
    ...(errors && { errors }),
  };
}

/** Sends a problem, with Retry-After (whole seconds) where `retryAfter` is given. */
export function sendProblem(
  response: Response,
  code: FailureCode,
  detail: string,
  options: { retryAfter?: number | undefined; errors?: Problem['errors'] } = {},
): void {
  if (options.retryAfter !== undefined) response.set('Retry-After', String(Math.ceil(options.retryAfter)));
  const body = problem(code, detail, options.errors);
  response.status(body.status).type('application/problem+json').send(JSON.stringify(body));
}

/** The last handlers: an unknown address is a 404, an error a problem. */
export function mountErrors(app: Express, log: Log): void {
  app.use((request, response) => {
    sendProblem(response, 'not-found', `${request.method} is not served at this path`);
  });
  const onError: ErrorRequestHandler = (error, _request, response, next) => {
    if (response.headersSent) return next(error);
    const known = error instanceof ScrutinError ? error : fromHttpError(error);
    if (known) {
      sendProblem(response, known.code, known.detail, { retryAfter: known.retryAfter });
      return;
    }
    // Ours, not the client's. It is told nothing of the inside, and may try again.
    log.error({ err: error }, 'a request failed');
    sendProblem(response, 'not-ready', 'The request could not be handled; try again', { retryAfter: 1 });
  };
  app.use(onError);
}

/** The errors of express and its body parser (http-errors, `type` as in body-parser's manual). */
function fromHttpError(error: unknown): ScrutinError | undefined {
  const { type, status, statusCode } = error as { type?: string; status?: number; statusCode?: number };
  switch (type) {
    case 'entity.parse.failed':
    case 'request.size.invalid':
    case 'request.aborted':
      return new ScrutinError('not-json', 'The body must be one complete JSON object');
    case 'entity.too.large':
      return new ScrutinError('too-large', 'The body is larger than a vote can be');
    case 'charset.unsupported':
    case 'encoding.unsupported':
      return new ScrutinError('not-json-type', 'Send the body as application/json in UTF-8, not compressed');
  }
  const code = status ?? statusCode;
  if (code !== undefined && code >= 400 && code < 500)
    return new ScrutinError('bad-request', 'The request’s path or headers can’t be read');
  return undefined;
}
