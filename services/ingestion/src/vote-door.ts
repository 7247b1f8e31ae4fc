import { type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import { problem } from '@scrutin/shared/http.ts';
import type { Express, Response } from 'express';
import { Door } from './door.ts';
import type { IngestionMetrics } from './ingestion-metrics.ts';
import { refuseUnread } from './refuse-unread.ts';
import { VOTE_PATH } from './vote-route.ts';

export interface VoteDoorOptions {
  app: Express;
  metrics: IngestionMetrics;
  maxWaitMs: number;
  /** How many more votes may be under way now. */
  room: () => number;
  /** False while stopping: each request is then the server's, which waits until nobody asks any more. */
  ready: () => boolean;
}

export interface VoteDoor {
  listener: RequestListener;
  /** To be called once with the server that the listener is of. */
  stand: (server: Server) => void;
  /** Votes whose work has not begun. */
  readonly waiting: number;
}

/**
 * About two milliseconds of work, so that whoever comes is looked at soon, also on a core that others want: at twice the rate that
 * one core sustains 95 % of the refusals took 107 ms with 32 a turn, 78 ms with 16. No fewer votes are accepted a second.
 */
const VOTES_PER_TURN = 16;
/** Three of four new clients may be too many, and hear of it, before others wait to be accepted. */
const LOOKS = 64;

/** Written once: a refusal must cost much less than a vote, or those refused would take the time of those accepted. */
const REFUSAL = JSON.stringify(problem('overloaded', 'Try again in a moment'));
const HEADERS = {
  'Content-Type': 'application/problem+json; charset=utf-8',
  'Content-Length': REFUSAL.length,
  'Retry-After': '1',
};

/** The same for a client whose connection is new. */
const WHOLE_REFUSAL = Buffer.from(
  [
    `HTTP/1.1 503 ${STATUS_CODES[503]}`,
    ...Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    REFUSAL,
  ].join('\r\n'),
);

/**
 * The listener in front of ingestion's application: votes wait at a {@link Door}, all else goes straight on. A refusal here has seen neither
 * the client's rate nor its body.
 */
export function voteDoor(options: VoteDoorOptions): VoteDoor {
  const { app, metrics, maxWaitMs, room, ready } = options;
  const countRefusal = () => {
    metrics.received.inc();
    metrics.refused.inc({ reason: 'overloaded' });
  };
  const door = new Door({
    perTurn: VOTES_PER_TURN,
    looks: LOOKS,
    maxWaitMs,
    room,
    serve: (request, response, waitedMs) => {
      // Express takes what is there as the `locals` of the answer.
      Object.assign(response, { locals: { waitedMs } satisfies Partial<Response['locals']> });
      app(request, response);
    },
    refuse: (request, response) => {
      Object.assign(request, { route: { path: VOTE_PATH } });
      countRefusal();
      // As a string of ASCII: Node writes it together with the headers.
      response.writeHead(503, HEADERS).end(REFUSAL, 'latin1');
    },
    onAbandoned: () => {
      metrics.received.inc();
      metrics.refused.inc({ reason: 'bad-request' });
    },
  });
  return {
    listener: (request, response) => {
      metrics.measureRequest(request, response);
      if (isVote(request)) door.enter(request, response);
      else app(request, response);
    },
    stand: (server) => {
      refuseUnread(server, {
        full: () => door.full && ready(),
        begins: `POST ${VOTE_PATH}`,
        answer: WHOLE_REFUSAL,
        onRefused: (seconds) => {
          countRefusal();
          metrics.requestSeconds.observe({ method: 'POST', route: VOTE_PATH, status: '503' }, seconds);
        },
      });
      server.on('connection', door.connected);
    },
    get waiting() {
      return door.waiting;
    },
  };
}

/** Whatever may turn out to be a vote: the router looks more closely. */
const isVote = ({ method, url }: IncomingMessage): boolean =>
  method === 'POST' && url?.startsWith(VOTE_PATH) === true;
