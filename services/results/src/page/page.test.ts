import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import fc from 'fast-check';
import {
  CLOSES,
  type LedgerDatabase,
  ledgerDatabase,
  OPENS,
  type ResultsStage,
  sampleElection,
  startResultsStage,
} from '../testing/results-stage.ts';
import { escapeHtml, html } from './html.ts';
import { LANGUAGES } from './language.ts';
import { WORDS } from './words.ts';

let database: LedgerDatabase;
let stage: ResultsStage;

beforeAll(async () => {
  database = await ledgerDatabase();
  await database.ledger.publishElection(sampleElection(database.electionId), 'Open');
  await database.pool.query(
    "update vote_results set oui_count = 12345, non_count = 6789, total_votes = 19134 where law_id = 'loi-2026-01'",
  );
  stage = await startResultsStage(database);
});

afterAll(async () => {
  await stage?.stop();
  await database?.drop();
});

const page = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(stage.base + path, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('the language of a page', () => {
  test.each([
    ['/', undefined, 'fr'],
    ['/', 'en-CA,en;q=0.9,fr;q=0.5', 'en'],
    ['/', 'fr-CA', 'fr'],
    ['/', 'de, en;q=0.3', 'en'],
    ['/', 'de', 'fr'],
    ['/?lang=en', 'fr', 'en'],
    ['/?lang=fr', 'en', 'fr'],
    ['/?lang=xx', 'en', 'en'],
    ['/ballot?lang=en', 'fr', 'en'],
  ])('of %s for a browser that asks for %s is %s', async (path, accepted, language) => {
    const { text, headers } = await page(path, { 'Accept-Language': accepted ?? '*' });
    expect(text).toContain(`<html lang="${language}">`);
    expect(headers.get('content-language')).toBe(language);
    expect(headers.get('vary')).toContain('Accept-Language');
  });

  test('can be switched on every page', async () => {
    for (const path of ['/', '/ballot', `/ballot/${newBallotId(database.electionId)}`])
      expect((await page(`${path}?lang=fr`)).text).toContain(`href="${path}?lang=en" lang="en"`);
  });

  test('has every sentence that the other has', () => {
    const shape = (node: object): unknown =>
      Object.entries(node).map(([key, value]) => [
        key,
        typeof value === 'object' ? shape(value) : typeof value,
      ]);
    expect(shape(WORDS.en)).toEqual(shape(WORDS.fr));
  });
});

describe('the page of results', () => {
  test('shows turnout under embargo, when results come, and no count of a choice', async () => {
    stage.setClock(OPENS);
    const { text } = await page('/?lang=fr');
    expect(text).toContain('Résultats sous embargo');
    expect(text).toMatch(/5 octobre 2026 à 20.h.00/);
    expect(text).toMatch(/19.134 votes sur 2.000 personnes inscrites/);
    expect(text).not.toMatch(/12[\s,]?345|6[\s,]?789|<table/);
    expect((await page('/?lang=en')).text).toContain('19,134 votes of 2,000 registered voters');
  });

  test('shows counts as a table once voting has closed', async () => {
    stage.setClock(CLOSES);
    const { text } = await page('/?lang=en');
    expect(text).not.toContain('under embargo');
    expect(text).toMatch(/<th scope="row">.*Yes<\/th>\s*<td>12,345<\/td>\s*<td>64.52%<\/td>/);
    expect(text).toContain('<caption class="unseen">Result: Water Act</caption>');
    expect(text).toContain('href="/api/v1/results.csv"');
  });

  test.each(LANGUAGES)('holds titles as text, never as markup (%s)', async (language) => {
    const { text } = await page(`/?lang=${language}`);
    expect(text).not.toMatch(/<script>alert|<b>"d/);
    expect(text).toContain(escapeHtml(sampleElection('x').title[language]));
  });

  test('loads and runs nothing but its own files, under a policy that forbids the rest', async () => {
    const { text, headers } = await page('/');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/);
    const own = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) =>
      match[1]!.replaceAll('&amp;', '&'),
    );
    expect(own.every((address) => address.startsWith('/') || address.startsWith('#'))).toBe(true);
    for (const address of own.filter((one) => one.startsWith('/assets/'))) {
      const asset = await page(address);
      expect([address, asset.status]).toEqual([address, 200]);
      expect(asset.headers.get('cache-control')).toContain('immutable');
    }
  });

  test('names what it labels: every id once, every reference to an id that is there', async () => {
    for (const path of ['/?lang=fr', '/ballot', '/ballot/x', `/ballot/${newBallotId(database.electionId)}`]) {
      const { text } = await page(path);
      const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]!);
      expect(new Set(ids).size).toBe(ids.length);
      const named = [...text.matchAll(/(?:aria-labelledby|aria-describedby|for)="([^"]+)"/g)];
      for (const [, id] of named) expect(ids).toContain(id);
      expect(text.match(/<h1/g) ?? []).toHaveLength(1);
    }
  });
});

describe('the page of a ballot', () => {
  test.each(['aggregated', 'duplicate', 'invalid'] as const)(
    'says that it is %s, and nobody keeps it',
    async (status) => {
      const id = newBallotId(database.electionId);
      await database.pool.query(
        "insert into vote_audit (ballot_id, law_id, status) values ($1, 'loi-2026-01', $2)",
        [id, status],
      );
      for (const language of LANGUAGES) {
        const { text, headers } = await page(`/ballot/${id}?lang=${language}`);
        expect(text).toContain(`<h1>${escapeHtml(WORDS[language].ballotStatus[status].title)}</h1>`);
        expect(text).toContain('data-every="0"');
        expect(headers.get('cache-control')).toBe('private, no-store');
        expect(headers.get('referrer-policy')).toBe('no-referrer');
      }
    },
  );

  test('goes on asking while the ballot is on its way', async () => {
    const { status, text } = await page(`/ballot/${newBallotId(database.electionId)}?lang=en`);
    expect([status, text.includes('<h1>On its way</h1>'), text.includes('data-every="2"')]).toEqual([
      200,
      true,
      true,
    ]);
  });

  test('for an unknown id is a 404 that repeats what was typed, as text', async () => {
    const typed = '"><script>alert(1)</script>';
    const { status, text } = await page(`/ballot/${encodeURIComponent(typed)}?lang=fr`);
    expect(status).toBe(404);
    expect(text).toContain('Numéro inconnu');
    expect(text).toContain(`value="${escapeHtml(typed)}"`);
    expect(text).not.toContain('<script>alert');
  });

  test('is where the form leads', async () => {
    const response = await fetch(`${stage.base}/ballot?id=%20ABC%20&lang=en`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/ballot/ABC?lang=en']);
    await response.text();
  });
});

test('whatever is put into a template can’t leave its place', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { text: written } = html`<p title="${text}">${[text, html`<i>${text}</i>`]}</p>`;
      expect(
        written
          .replace(/&(?:amp|lt|gt|quot|#39);/g, '')
          .match(/[<>"']/g)
          ?.join(''),
      ).toBe('<"">' + '<><>' + '<>');
    }),
  );
});
