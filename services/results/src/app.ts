import { ScrutinError } from '@scrutin/shared/errors.ts';
import type { Health } from '@scrutin/shared/health.ts';
import { createApp, mountErrors, mountProbes } from '@scrutin/shared/http.ts';
import type { Log } from '@scrutin/shared/log.ts';
import type { Express, RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import type { BallotSource } from './ballot-lookup.ts';
import { ballotRoute } from './ballot-route.ts';
import { mountDocs } from './openapi.ts';
import { pageRoute } from './page/page-route.ts';
import type { ResultsMetrics } from './results-metrics.ts';
import { resultsRoute } from './results-route.ts';
import type { SnapshotSource } from './snapshot-follower.ts';

export interface ResultsAppOptions {
  electionId: string;
  snapshots: SnapshotSource;
  ballots: BallotSource;
  health: Health;
  registry: Registry;
  metrics: ResultsMetrics;
  log: Log;
  timeZone: string;
  /** Milliseconds since the epoch; the embargo goes by it. */
  clock?: () => number;
}

/** The stage's HTTP side: API, page, probes and documents. Read only. */
export function resultsApp(options: ResultsAppOptions): Express {
  const { clock = Date.now, electionId, snapshots, ballots, metrics, log } = options;
  const app = createApp();
  app.use(metrics.measureRequests, readOnly, publicApi);
  app.use(resultsRoute({ snapshots, clock }));
  app.use(ballotRoute({ ballots, electionId }));
  app.use(pageRoute({ snapshots, ballots, electionId, clock, timeZone: options.timeZone, log }));
  mountProbes(app, options.health, options.registry);
  mountDocs(app);
  mountErrors(app, log);
  return app;
}

const readOnly: RequestHandler = (request, response, next) => {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return next();
  response.set('Allow', 'GET, HEAD, OPTIONS');
  throw new ScrutinError('method-not-allowed', 'Results are only read, with GET');
};

/** What is public here may be shown by any site; what says nothing else may not be kept by anybody. */
const publicApi: RequestHandler = (request, response, next) => {
  if (request.path.startsWith('/api/'))
    response.set({
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Expose-Headers': 'Retry-After, Content-Digest, X-Content-SHA256',
    });
  next();
};
