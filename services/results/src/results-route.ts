import { ScrutinError } from '@scrutin/shared/errors.ts';
import { type RequestHandler, Router } from 'express';
import { Representations, representation, sendRepresentation } from './representation.ts';
import { resultsCsv } from './results-csv.ts';
import { electionView, requireRevealed, resultsView, turnoutView } from './results-view.ts';
import { documentOf, type Phase, phaseAt, type Snapshot } from './snapshot.ts';
import type { SnapshotSource } from './snapshot-follower.ts';

export interface ResultsRouteOptions {
  snapshots: SnapshotSource;
  /** Milliseconds since the epoch. */
  clock: () => number;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/** The API's readings of the counts: election, turnout, results by law, and the files to download. */
export function resultsRoute({ snapshots, clock }: ResultsRouteOptions): Router {
  const router = Router({ caseSensitive: true });
  const made = new Representations();

  const json = (name: string, view: (snapshot: Snapshot, phase: Phase) => unknown): RequestHandler => {
    return (_request, response) => {
      const snapshot = snapshots.require();
      const phase = phaseAt(snapshot, clock());
      const make = () => representation(JSON_TYPE, JSON.stringify(view(snapshot, phase)));
      sendRepresentation(response, made.of(snapshot, `${name} ${phase}`, make));
    };
  };

  /** Lets only through what the embargo allows. */
  const revealed: RequestHandler = (_request, _response, next) => {
    const snapshot = snapshots.require();
    const now = clock();
    requireRevealed(snapshot, phaseAt(snapshot, now), now);
    next();
  };

  const file = (
    extension: string,
    make: (snapshot: Snapshot, phase: Phase) => Buffer | string,
  ): RequestHandler => {
    const type = extension === 'csv' ? CSV_TYPE : JSON_TYPE;
    return (_request, response) => {
      const snapshot = snapshots.require();
      const phase = phaseAt(snapshot, clock());
      const one = made.of(snapshot, `${extension} ${phase}`, () =>
        representation(type, make(snapshot, phase)),
      );
      const state = phase === 'final' ? '' : '-provisional';
      response.set({
        'Content-Disposition': `attachment; filename="results-${snapshot.election.id}${state}.${extension}"`,
        // RFC 9530: in base64; and the same as sha256sum prints it.
        'Content-Digest': `sha-256=:${Buffer.from(one.digest, 'hex').toString('base64')}:`,
        'X-Content-SHA256': one.digest,
      });
      sendRepresentation(response, one);
    };
  };

  const oneLaw: RequestHandler = (request, response) => {
    const snapshot = snapshots.require();
    const now = clock();
    const phase = phaseAt(snapshot, now);
    const lawId = request.params.law_id;
    const known = snapshot.election.laws.some((law) => law.id === lawId);
    if (!known) throw new ScrutinError('unknown-law', 'GET /api/v1/election lists the laws');
    requireRevealed(snapshot, phase, now);
    const make = () => {
      const law = resultsView(snapshot, phase).laws.find((one) => one.law_id === lawId);
      return representation(JSON_TYPE, JSON.stringify(law));
    };
    sendRepresentation(response, made.of(snapshot, `law ${lawId} ${phase}`, make));
  };

  router.get('/api/v1/election', json('election', electionView));
  router.get('/api/v1/turnout', json('turnout', turnoutView));
  router.get('/api/v1/results', revealed, json('results', resultsView));
  router.get('/api/v1/results.json', revealed, file('json', documentOf));
  router.get(
    '/api/v1/results.csv',
    revealed,
    file('csv', (snapshot, phase) => resultsCsv(resultsView(snapshot, phase))),
  );
  router.get('/api/v1/results/:law_id', oneLaw);
  return router;
}
