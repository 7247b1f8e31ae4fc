import { isBallotId } from '@scrutin/shared/ballot-id.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { Router } from 'express';
import type { BallotSource } from './ballot-lookup.ts';
import type { BallotView } from './results-schemas.ts';
import { ballotView } from './results-view.ts';

/** Throws `unknown-ballot`, without a look-up, for what this election never gave out; `ledger-unavailable`. */
export async function askBallot(
  ballots: BallotSource,
  electionId: string,
  asked: string,
): Promise<BallotView> {
  const ballotId = asked.toLowerCase();
  if (!isBallotId(ballotId, electionId))
    throw new ScrutinError('unknown-ballot', 'Check that the id was copied whole, letter by letter');
  return ballotView(ballotId, await ballots.outcome(ballotId));
}

/** `GET /api/v1/ballots/{ballot_id}`: what became of a ballot. Never a choice (P5). */
export function ballotRoute(options: { ballots: BallotSource; electionId: string }): Router {
  const router = Router({ caseSensitive: true });
  router.get('/api/v1/ballots/:ballot_id', async (request, response) => {
    const view = await askBallot(options.ballots, options.electionId, request.params.ballot_id);
    // Counted is for ever; anything else may still change.
    response.set('Cache-Control', view.status === 'aggregated' ? 'private, max-age=3600' : 'no-store');
    response.json(view);
  });
  return router;
}
