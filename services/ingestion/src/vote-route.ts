import type { PublishedElection } from '@scrutin/shared/election.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { sendProblem } from '@scrutin/shared/http.ts';
import type { Log } from '@scrutin/shared/log.ts';
import type { VoteTracing } from '@scrutin/shared/vote-tracing.ts';
import type { Pepper } from '@scrutin/shared/voter-hash.ts';
import { type ErrorRequestHandler, type RequestHandler, type Response, Router } from 'express';
import { InvalidSubmission, requireOpen, toPendingVote } from './accept-vote.ts';
import type { IngestionMetrics } from './ingestion-metrics.ts';
import { readJsonBody } from './read-json-body.ts';
import { traceRequests } from './trace-requests.ts';
import type { VoteBatcher } from './vote-batcher.ts';

export interface VoteRouteOptions {
  election: () => PublishedElection | undefined;
  /** False while stopping or while the broker takes nothing: votes are refused before any work. */
  taking: () => boolean;
  batcher: VoteBatcher;
  pepper: Pepper;
  resultsUrl: string;
  metrics: IngestionMetrics;
  log: Log;
  tracing?: VoteTracing | undefined;
  rateLimit?: RequestHandler | undefined;
}

/** A vote is about 90 bytes; this leaves room for clients that send more members. */
const BODY_LIMIT = 4_096;
export const VOTE_PATH = '/api/v1/vote';
/** What a vote has waited at the door, where there is one; see {@link voteDoor}. */
const waitedMs = ({ locals }: Response): number => (locals.waitedMs as number | undefined) ?? 0;
const ACCEPTED = 'The vote was accepted and will be counted';

/** `POST /api/v1/vote`: 202 once the broker has confirmed the vote on a durable quorum queue (P1). */
export function voteRoute(options: VoteRouteOptions): Router {
  const { election, taking, batcher, pepper, metrics, log, tracing, rateLimit } = options;
  // As URL writes it there is nothing but ASCII in it, and nothing that JSON would have to escape.
  const statusBase = `${new URL(options.resultsUrl).href.replace(/\/+$/, '')}/api/v1/ballots/`;
  const router = Router({ caseSensitive: true, strict: false });

  const accept: RequestHandler = async (request, response) => {
    // Before any work is done for it; and once more when the body, which may come slowly, is there.
    requireOpen(election(), Date.now());
    if (!taking())
      throw new ScrutinError('broker-unavailable', 'Votes can’t be taken right now; nothing was recorded', {
        retryAfter: 2,
      });
    batcher.requireRoom();
    const body = await readJsonBody(request, BODY_LIMIT);
    const start = performance.now() - waitedMs(response);
    const now = Date.now();
    const current = election();
    requireOpen(current, now);
    const vote = toPendingVote(
      {
        body,
        idempotencyKey: request.get('idempotency-key'),
        client: () => ({ ip: request.ip, userAgent: request.get('user-agent') }),
        now,
      },
      current,
      pepper,
    );
    tracing?.pass([request], [vote]);
    response.locals.ballotId = vote.ballot_id;
    await batcher.add(vote);
    metrics.accepted.inc();
    metrics.acceptSeconds.observe((performance.now() - start) / 1000);
    const statusUrl = statusBase + vote.ballot_id;
    // Written by hand, and as latin1, which ASCII is too: this is the hottest line of all.
    const answer = `{"request_id":"${vote.ballot_id}","status":"accepted","message":"${ACCEPTED}","status_url":"${statusUrl}"}`;
    response.writeHead(202, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': answer.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      Location: statusUrl,
    });
    response.end(answer, 'latin1');
    if (log.isLevelEnabled('debug'))
      log.debug({ ballot_id: vote.ballot_id, ...tracing?.idOf(vote) }, 'vote accepted');
  };

  const refuse: ErrorRequestHandler = (error, request, response, next) => {
    const reason = error instanceof ScrutinError ? error.code : 'unreadable';
    tracing?.spanOf(request)?.set({ 'error.type': reason });
    if (log.isLevelEnabled('debug'))
      log.debug({ ballot_id: response.locals.ballotId, reason, ...tracing?.idOf(request) }, 'vote refused');
    if (error instanceof ScrutinError) {
      metrics.refused.inc({ reason: error.code });
      const errors = error instanceof InvalidSubmission ? error.problems : undefined;
      sendProblem(response, error.code, error.detail, { retryAfter: error.retryAfter, errors });
      return;
    }
    metrics.refused.inc({ reason: 'unreadable' });
    next(error);
  };

  const received: RequestHandler = (_request, _response, next) => {
    metrics.received.inc();
    next();
  };

  if (tracing) router.post(VOTE_PATH, traceRequests(tracing, VOTE_PATH));
  router.post(VOTE_PATH, received, ...(rateLimit ? [rateLimit] : []), accept);
  router.all(VOTE_PATH, (_request, response) => {
    response.set('Allow', 'POST');
    sendProblem(response, 'method-not-allowed', 'Votes are sent with POST');
  });
  router.use(refuse);
  return router;
}
