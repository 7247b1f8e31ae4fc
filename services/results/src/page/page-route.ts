import { ScrutinError } from '@scrutin/shared/errors.ts';
import type { Log } from '@scrutin/shared/log.ts';
import { pageSecurity } from '@scrutin/shared/page-security.ts';
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import type { BallotSource } from '../ballot-lookup.ts';
import { askBallot } from '../ballot-route.ts';
import { Representations, representation, sendRepresentation } from '../representation.ts';
import { phaseAt } from '../snapshot.ts';
import type { SnapshotSource } from '../snapshot-follower.ts';
import { ASSETS } from './assets.ts';
import { ballotFormPage, ballotPage, unknownBallotPage } from './ballot-page.ts';
import { formatsOf, LANGUAGES, type Language, languageOf } from './language.ts';
import { noticePage, type PageContext } from './layout.ts';
import { resultsPage } from './results-page.ts';
import { WORDS } from './words.ts';

export interface PageRouteOptions {
  snapshots: SnapshotSource;
  ballots: BallotSource;
  electionId: string;
  /** Milliseconds since the epoch. */
  clock: () => number;
  timeZone: string;
  log: Log;
}

const HTML = 'text/html; charset=utf-8';
const NEVER_KEPT = 'private, no-store';

/** The pages for people: results and turnout, and what became of a ballot. */
export function pageRoute(options: PageRouteOptions): Router {
  const { snapshots, ballots, electionId, clock, timeZone, log } = options;
  const router = Router({ caseSensitive: true });
  const made = new Representations();
  const contexts = Object.fromEntries(
    LANGUAGES.map((language) => [
      language,
      { language, words: WORDS[language], formats: formatsOf(language, timeZone) },
    ]),
  ) as Record<Language, PageContext>;

  const security = pageSecurity({
    script: ["'self'"],
    style: ["'self'"],
    img: ["'self'"],
    connect: ["'self'"],
    formAction: ["'self'"],
  });

  const contextOf = (request: Request, response: Response): PageContext => {
    const language = languageOf(request);
    response.vary('Accept-Language').set('Content-Language', language);
    return contexts[language];
  };

  const results: RequestHandler = (request, response) => {
    const context = contextOf(request, response);
    const snapshot = snapshots.require();
    const phase = phaseAt(snapshot, clock());
    const make = () => representation(HTML, resultsPage(context, snapshot, phase));
    sendRepresentation(response, made.of(snapshot, `${context.language} ${phase}`, make));
  };

  const form: RequestHandler = (request, response) => {
    const context = contextOf(request, response);
    const asked = [request.query.id].flat()[0];
    if (typeof asked === 'string' && asked.trim() !== '') {
      const id = encodeURIComponent(asked.trim().toWellFormed().slice(0, 100).toWellFormed());
      response.set('Cache-Control', NEVER_KEPT).redirect(303, `/ballot/${id}?lang=${context.language}`);
      return;
    }
    response.type(HTML).send(ballotFormPage(context));
  };

  const ballot: RequestHandler = async (request, response) => {
    const context = contextOf(request, response);
    response.set('Cache-Control', NEVER_KEPT).type(HTML);
    const asked = String(request.params.ballot_id);
    try {
      const view = await askBallot(ballots, electionId, asked);
      response.send(ballotPage(context, view, snapshots.lastKnown));
    } catch (error) {
      if (!(error instanceof ScrutinError && error.code === 'unknown-ballot')) throw error;
      response.status(404).send(unknownBallotPage(context, asked));
    }
  };

  /** A page where the API would send a problem. */
  const trouble: ErrorRequestHandler = (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const known = error instanceof ScrutinError ? error : undefined;
    const { status } = error as { status?: unknown };
    // express' own: an address that can't be decoded.
    if (!known && status === 400) return next(error);
    if (!known) log.error({ err: error }, 'a page failed');
    const context = contextOf(request, response);
    const words = known?.code === 'not-ready' ? context.words.notReady : context.words.unavailable;
    const retryAfter = known?.retryAfter ?? 2;
    response.set({ 'Retry-After': String(Math.ceil(retryAfter)), 'Cache-Control': NEVER_KEPT });
    response
      .status(503)
      .type(HTML)
      .send(noticePage(context, { ...words, path: request.path, updateSeconds: 5 }));
  };

  router.get('/', security, results);
  router.get('/ballot', security, form);
  router.get('/ballot/:ballot_id', security, ballot);
  router.get('/assets/:asset', (request, response, next) => {
    const asset = ASSETS.get(String(request.params.asset));
    if (!asset) return next();
    response.set({ 'Content-Type': asset.type, 'X-Content-Type-Options': 'nosniff' });
    response.set('Cache-Control', 'public, max-age=31536000, immutable').send(asset.body);
  });
  router.use(trouble);
  return router;
}
