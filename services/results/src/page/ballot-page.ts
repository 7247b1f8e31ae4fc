import type { BallotView } from '../results-schemas.ts';
import type { Snapshot } from '../snapshot.ts';
import { html, type Markup } from './html.ts';
import { noticePage, type PageContext, pageOf } from './layout.ts';

/** Seconds between updates while the ballot is on its way. */
const UPDATE_S = 2;

interface BallotFormOptions {
  /** What was typed before; it was wrong. */
  wrong?: string;
  /** The form is all that the page is about. */
  alone?: boolean;
}

/** The form that leads to a ballot's page. */
export function ballotForm({ language, words }: PageContext, options: BallotFormOptions = {}): Markup {
  const { wrong, alone } = options;
  return html`<section class="ballot-form" aria-labelledby="follow">
${alone ? html`<h1 id="follow">${words.ballotTitle}</h1>` : html`<h2 id="follow">${words.ballotTitle}</h2>`}
<p id="about">${words.ballotAbout}</p>
<form action="/ballot" method="get">
<input type="hidden" name="lang" value="${language}">
<label for="ballot-id">${words.ballotLabel}</label>
<div class="field">
<input id="ballot-id" name="id" value="${wrong}" required maxlength="60" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="hint"${wrong !== undefined && html` aria-invalid="true"`}>
<button type="submit">${words.ballotButton}</button>
</div>
<p class="small" id="hint">${words.ballotHint}</p>
</form>
</section>`;
}

/** The form alone. */
export function ballotFormPage(context: PageContext): string {
  const { words } = context;
  return pageOf(context, {
    title: `${words.ballotTitle} · Scrutin`,
    path: '/ballot',
    live: html`<p class="back"><a href="/?lang=${context.language}">${words.home}</a></p>`,
    updateSeconds: 0,
    below: ballotForm(context, { alone: true }),
  });
}

/** What became of a ballot. */
export function ballotPage(context: PageContext, ballot: BallotView, snapshot: Snapshot | undefined): string {
  const { language, words } = context;
  const { title, text } = words.ballotStatus[ballot.status];
  const law = snapshot?.election.laws.find((one) => one.id === ballot.law_id);
  const live = html`<p class="back"><a href="/?lang=${language}">${words.home}</a></p>
<section class="ballot" data-status="${ballot.status}">
<p class="law-id">${ballot.ballot_id}</p>
<h1>${title}</h1>
<p>${text}</p>
${ballot.law_id && html`<p class="small">${words.ballotOnLaw} ${ballot.law_id}${law && ` · ${law.title[language]}`}</p>`}
</section>`;
  return pageOf(context, {
    title: `${title} · Scrutin`,
    path: `/ballot/${ballot.ballot_id}`,
    live,
    updateSeconds: ballot.status === 'pending' || ballot.status === 'validated' ? UPDATE_S : 0,
    summary: title,
    below: ballotForm(context),
    noindex: true,
  });
}

/** An id that this election never gave out. */
export function unknownBallotPage(context: PageContext, asked: string): string {
  return noticePage(context, {
    ...context.words.unknownBallot,
    path: '/ballot',
    updateSeconds: 0,
    below: ballotForm(context, { wrong: asked.slice(0, 60) }),
  });
}
