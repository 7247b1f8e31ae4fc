import { assetUrl } from './assets.ts';
import { html, type Markup } from './html.ts';
import type { Formats, Language } from './language.ts';
import type { Words } from './words.ts';

/** What every page is written with. */
export interface PageContext {
  language: Language;
  words: Words;
  formats: Formats;
}

export interface PageParts {
  title: string;
  /** The page's own path, for the language switch. */
  path: string;
  /** What the script replaces as it changes. */
  live: Markup;
  /** Seconds between updates; 0: nothing will change any more. */
  updateSeconds: number;
  /** Read aloud by a screen reader after an update: short. */
  summary?: string;
  /** Below the live part, never replaced: a form that someone may be filling in. */
  below?: Markup;
  /** For search engines: a ballot's page is nobody else's business. */
  noindex?: boolean;
}

/** A whole page. Nothing in it is inline script or style: its Content-Security-Policy allows none. */
export function pageOf(context: PageContext, parts: PageParts): string {
  const { language, words } = context;
  const other = words.otherLanguage;
  const self = `${parts.path}?lang=${language}`;
  const page = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f6f4ef" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#14171b" media="(prefers-color-scheme: dark)">
${parts.noindex && html`<meta name="robots" content="noindex">\n`}<title>${parts.title}</title>
<link rel="alternate" hreflang="${other.lang}" href="${parts.path}?lang=${other.lang}">
<link rel="icon" type="image/svg+xml" href="${assetUrl('mark.svg')}">
<link rel="stylesheet" href="${assetUrl('page.css')}">
<script src="${assetUrl('page.js')}" defer></script>
</head>
<body>
<a class="skip" href="#content">${words.skip}</a>
<header class="top">
<a class="brand" href="/?lang=${language}"><img src="${assetUrl('mark.svg')}" alt="" width="28" height="28">Scrutin</a>
<a class="switch" href="${parts.path}?lang=${other.lang}" lang="${other.lang}" hreflang="${other.lang}">${other.label}</a>
</header>
<main id="content" tabindex="-1">
<div id="live" data-every="${parts.updateSeconds}" data-summary="${parts.summary}">
${parts.live}
</div>
${
  parts.updateSeconds > 0 &&
  html`<p class="updates" id="updates" data-lost="${words.connectionLost}">
<a id="refresh" href="${self}">${words.refresh}</a>
<button id="pause" type="button" hidden data-pause="${words.pause}" data-resume="${words.resume}">${words.pause}</button>
<span id="trouble"></span>
</p>`
}
${parts.below}
</main>
<footer>
<p>${words.promise}</p>
<p><a href="/docs">${words.api}</a></p>
</footer>
<p id="announcer" class="unseen" role="status"></p>
</body>
</html>
`;
  return page.text;
}

/** A page that only says one thing: an id is unknown, the counts can't be read. */
export function noticePage(
  context: PageContext,
  notice: { title: string; text: string; path: string; updateSeconds: number; below?: Markup },
): string {
  const { title, text, ...parts } = notice;
  const live = html`<div class="hero"><h1>${title}</h1></div>
<div class="notice"><p>${text}</p></div>`;
  return pageOf(context, { ...parts, title: `${title} · Scrutin`, live, noindex: true });
}
