import type { LawResult, LawTurnout } from '../results-schemas.ts';
import { resultsView, turnoutView } from '../results-view.ts';
import { isRevealed, type Phase, type Snapshot } from '../snapshot.ts';
import { ballotForm } from './ballot-page.ts';
import { html, type Markup } from './html.ts';
import { type PageContext, pageOf } from './layout.ts';

/** Seconds between updates while something may change. */
const UPDATE_S = 5;

/** The page at `/`: results where the embargo allows, turnout always. */
export function resultsPage(context: PageContext, snapshot: Snapshot, phase: Phase): string {
  const { language, words, formats } = context;
  const revealed = isRevealed(snapshot, phase);
  const turnout = turnoutView(snapshot, phase);
  const results = revealed ? resultsView(snapshot, phase) : undefined;
  const laws = results
    ? results.laws.map((law) => lawResult(context, law, questionOf(snapshot, law.law_id, context)))
    : turnout.laws.map((law) => lawTurnout(context, law, questionOf(snapshot, law.law_id, context)));
  const title = turnout.title[language];
  const live = html`<div class="hero">
<p class="phase" data-phase="${phase}">${words.phase[phase]}</p>
<h1>${title}</h1>
<dl class="times">
<div><dt>${words.opens}</dt><dd>${time(context, turnout.opens_at)}</dd></div>
<div><dt>${words.closes}</dt><dd>${time(context, turnout.closes_at)}</dd></div>
</dl>
</div>
${notice(context, snapshot, phase, revealed)}
${results?.digest_verified === false && html`<div class="notice warning" role="alert"><p>${words.mismatch}</p></div>`}
<div class="laws">
${laws}
</div>
${results && files(context, results.digest)}
<p class="fresh">${freshness(context, snapshot, phase)}</p>`;
  return pageOf(context, {
    title: `${title} · Scrutin`,
    path: '/',
    live,
    updateSeconds: phase === 'final' ? 0 : UPDATE_S,
    summary: summaryOf(context, turnout.laws),
    below: ballotForm(context),
  });

  function summaryOf({ words }: PageContext, all: LawTurnout[]): string {
    const parts = all.slice(0, 5).map((law) => {
      const result = results?.laws.find((one) => one.law_id === law.law_id);
      const shares =
        result?.oui_percent == null ? '' : `${words.oui} ${formats.percent(result.oui_percent)}, `;
      return `${law.title[language]}: ${shares}${words.votesCounted(formats.number(law.total_votes))}`;
    });
    return [words.phase[phase], ...parts].join('. ');
  }
}

const questionOf = (snapshot: Snapshot, lawId: string, { language }: PageContext): string | undefined =>
  snapshot.election.laws.find((law) => law.id === lawId)?.question?.[language];

const time = ({ formats }: PageContext, iso: string): Markup =>
  html`<time datetime="${iso}">${formats.moment(iso)}</time>`;

function notice(
  { words, formats }: PageContext,
  snapshot: Snapshot,
  phase: Phase,
  revealed: boolean,
): Markup | undefined {
  const { opensAt, closesAt } = snapshot.election;
  if (!revealed)
    return html`<div class="notice"><h2>${words.embargoTitle}</h2><p>${
      phase === 'notYetOpen' && `${words.notYetOpen(formats.moment(opensAt))} `
    }${words.embargo(formats.moment(closesAt))}</p></div>`;
  if (phase === 'notYetOpen')
    return html`<div class="notice"><p>${words.notYetOpen(formats.moment(opensAt))}</p></div>`;
  if (phase === 'counting') return html`<div class="notice"><p>${words.counting}</p></div>`;
  if (phase !== 'final') return html`<div class="notice"><p>${words.provisional}</p></div>`;
  return undefined;
}

function lawHeading({ language }: PageContext, law: LawTurnout, question: string | undefined): Markup {
  return html`<p class="law-id">${law.law_id}</p>
<h2 id="law-${law.law_id}">${law.title[language]}</h2>
${question && html`<p class="question">${question}</p>`}`;
}

function lawResult(context: PageContext, law: LawResult, question: string | undefined): Markup {
  const { words, formats, language } = context;
  const row = (choice: 'oui' | 'non', votes: number, share: number | null) => html`<tr class="${choice}">
<th scope="row"><span class="swatch" aria-hidden="true"></span>${words[choice]}</th>
<td>${formats.number(votes)}</td>
<td>${formats.percent(share)}</td>
</tr>`;
  return html`<section class="law" aria-labelledby="law-${law.law_id}">
${lawHeading(context, law, question)}
${law.oui_percent !== null && law.non_percent !== null && chart(context, law.oui_percent, law.non_percent)}
<table>
<caption class="unseen">${words.tableOf(law.title[language])}</caption>
<thead><tr><th scope="col">${words.choice}</th><th scope="col">${words.votes}</th><th scope="col">${words.share}</th></tr></thead>
<tbody>
${row('oui', law.oui_count, law.oui_percent)}
${row('non', law.non_count, law.non_percent)}
</tbody>
<tfoot><tr><th scope="row">${words.total}</th><td>${formats.number(law.total_votes)}</td><td></td></tr></tfoot>
</table>
${turnoutLine(context, law)}
</section>`;
}

/** The two shares as one bar; the table beside it says the same in words, so it is not read aloud. */
function chart({ words, formats }: PageContext, oui: number, non: number): Markup {
  return html`<div class="chart" aria-hidden="true">
<p class="shares"><span class="share oui"><b>${formats.percent(oui)}</b> ${words.oui}</span><span class="share non">${words.non} <b>${formats.percent(non)}</b></span></p>
<svg class="bar" width="100%" height="22" focusable="false"><rect class="oui" width="${oui}%" height="100%"/><rect class="non" x="${oui}%" width="${non}%" height="100%"/><line class="half" x1="50%" x2="50%" y2="100%"/></svg>
</div>`;
}

const lawTurnout = (context: PageContext, law: LawTurnout, question: string | undefined): Markup =>
  html`<section class="law" aria-labelledby="law-${law.law_id}">
${lawHeading(context, law, question)}
${turnoutLine(context, law)}
</section>`;

function turnoutLine({ words, formats }: PageContext, law: LawTurnout): Markup {
  const votes = formats.number(law.total_votes);
  const text =
    law.eligible > 0 ? words.turnoutOf(votes, formats.number(law.eligible)) : words.votesCounted(votes);
  return html`<div class="turnout">
<p><span>${words.turnout}</span> ${law.turnout_percent !== null && html`<b>${formats.percent(law.turnout_percent)}</b>`}</p>
<svg class="thin" width="100%" height="6" aria-hidden="true" focusable="false"><rect class="rest" width="100%" height="100%"/><rect class="part" width="${Math.min(100, law.turnout_percent ?? 0)}%" height="100%"/></svg>
<p class="small">${text}</p>
</div>`;
}

function freshness({ words, formats }: PageContext, snapshot: Snapshot, phase: Phase): string {
  if (phase === 'final' && snapshot.closed_at) return words.declared(formats.clock(snapshot.closed_at));
  const counted = snapshot.counts.filter((count) => count.oui + count.non > 0);
  if (counted.length === 0) return words.nothingCounted;
  return words.lastCounted(
    formats.clock(
      counted
        .map((count) => count.updated_at)
        .sort()
        .at(-1)!,
    ),
  );
}

function files({ words }: PageContext, digest: string | null): Markup {
  return html`<section class="files" aria-labelledby="files">
<h2 id="files">${words.files}</h2>
<p class="links"><a href="/api/v1/results.csv" download>${words.asTable}</a> <a href="/api/v1/results.json" download>${words.asDocument}</a></p>
${digest && html`<h3>${words.verifyTitle}</h3><p>${words.verify}</p><p><code class="digest">${digest}</code></p>`}
</section>`;
}
