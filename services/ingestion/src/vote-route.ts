import type { PublishedElection } from '@scrutin/shared/election.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { sendProblem } from '@scrutin/shared/http.ts';
import type { Pepper } from '@scrutin/shared/voter-hash.ts';
import express, { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import { InvalidSubmission, requireOpen, toPendingVote } from './accept-vote.ts';
import type { IngestionMetrics } from './ingestion-metrics.ts';
import type { VoteBatcher } from './vote-batcher.ts';

export interface VoteRouteOptions {
  election: () => PublishedElection | undefined;
  /** False while stopping or while the broker takes nothing: votes are refused before any work. */
  taking: () => boolean;
  batcher: VoteBatcher;
  pepper: Pepper;
  resultsUrl: string;
  metrics: IngestionMetrics;
  rateLimit?: RequestHandler | undefined;
}

/** A vote is about 90 bytes; this leaves room for clients that send more members. */
const BODY_LIMIT = '4kb';
export const VOTE_PATH = '/api/v1/vote';
const ACCEPTED = 'The vote was accepted and will be counted';

/** `POST /api/v1/vote`: 202 once the broker has confirmed the vote on a durable quorum queue (P1). */
export function voteRoute(options: VoteRouteOptions): Router {
  const { election, taking, batcher, pepper, metrics, rateLimit } = options;
  const statusBase = `${options.resultsUrl.replace(/\/+$/, '')}/api/v1/ballots/`;
  const router = Router({ caseSensitive: true, strict: false });

  const requireTaking: RequestHandler = (_request, _response, next) => {
    requireOpen(election(), Date.now());
    if (!taking())
      throw new ScrutinError('broker-unavailable', 'Votes can’t be taken right now; nothing was recorded', {
        retryAfter: 2,
      });
    next();
  };

  const requireJson: RequestHandler = (request, _response, next) => {
    if (!request.is('application/json'))
      throw new ScrutinError('not-json-type', 'Send the vote with Content-Type: application/json');
    next();
  };

  const accept: RequestHandler = async (request, response) => {
    const start = performance.now();
    const current = election();
    const now = Date.now();
    requireOpen(current, now);
    const vote = toPendingVote(
      {
        body: request.body,
        idempotencyKey: request.get('idempotency-key'),
        ip: request.ip,
        userAgent: request.get('user-agent'),
        now,
      },
      current,
      pepper,
    );
    await batcher.add(vote);
    metrics.accepted.inc();
    metrics.acceptSeconds.observe((performance.now() - start) / 1000);
    const statusUrl = statusBase + vote.ballot_id;
    // Written by hand: every byte is known to need no escaping, and this is the hottest line of all.
    const body = `{"request_id":"${vote.ballot_id}","status":"accepted","message":"${ACCEPTED}","status_url":${JSON.stringify(statusUrl)}}`;
    response.writeHead(202, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      Location: statusUrl,
    });
    response.end(body);
  };

  const refuse: ErrorRequestHandler = (error, _request, response, next) => {
    if (error instanceof ScrutinError) {
      metrics.refused.inc({ reason: error.code });
      const errors = error instanceof InvalidSubmission ? error.problems : undefined;
      sendProblem(response, error.code, error.detail, { retryAfter: error.retryAfter, errors });
      return;
    }
    metrics.refused.inc({ reason: 'unreadable' });
    next(error);
  };

  const parse = express.json({ limit: BODY_LIMIT, strict: false, inflate: false, type: 'application/json' });
  const limits = rateLimit ? [rateLimit] : [];
  router.post(VOTE_PATH, ...limits, requireTaking, requireJson, parse, accept);
  router.all(VOTE_PATH, (_request, response) => {
    response.set('Allow', 'POST');
    sendProblem(response, 'method-not-allowed', 'Votes are sent with POST');
  });
  router.use(refuse);
  return router;
}
