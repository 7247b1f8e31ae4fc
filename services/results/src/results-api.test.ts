import { createHash } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import fc from 'fast-check';
import {
  CLOSES,
  type LedgerDatabase,
  ledgerDatabase,
  OPENS,
  type ResultsStage,
  sampleElection,
  startResultsStage,
} from './testing/results-stage.ts';

let database: LedgerDatabase;
let stage: ResultsStage;

beforeAll(async () => {
  database = await ledgerDatabase();
  await database.ledger.publishElection(sampleElection(database.electionId), 'Open');
  await database.pool.query(
    "update vote_results set oui_count = 600, non_count = 300, total_votes = 900 where law_id = 'loi-2026-01'",
  );
  stage = await startResultsStage(database);
});

afterAll(async () => {
  await stage?.stop();
  await database?.drop();
});

beforeEach(() => stage.setClock(OPENS));

type Json = Record<string, unknown>;
const get = async (path: string, init?: RequestInit) => {
  const response = await fetch(stage.base + path, { redirect: 'manual', ...init });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') ? (JSON.parse(text) as Json) : {};
  return { status: response.status, headers: response.headers, text, json };
};

const COUNTED = [
  '/api/v1/results',
  '/api/v1/results/loi-2026-01',
  '/api/v1/results.csv',
  '/api/v1/results.json',
];

describe('the embargo', () => {
  test.each(COUNTED)('holds %s back until the very moment of closing', async (path) => {
    for (const early of [OPENS - 1, OPENS, CLOSES - 90_000, CLOSES - 1]) {
      stage.setClock(early);
      const { status, headers, json, text } = await get(path);
      expect([status, json.code]).toEqual([403, 'embargo']);
      expect(Number(headers.get('retry-after'))).toBe(Math.min(3_600, Math.ceil((CLOSES - early) / 1000)));
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(text).not.toMatch(/600|300/);
    }
    stage.setClock(CLOSES);
    expect((await get(path)).status).toBe(200);
  });

  test('tells turnout all the same, and no count of a choice with it', async () => {
    const { status, json } = await get('/api/v1/turnout');
    expect(status).toBe(200);
    const turnout = { eligible: 2_000, updated_at: expect.any(String), title: expect.any(Object) };
    // Every member is named: one more, and it might tell how people voted.
    expect(json).toEqual({
      election_id: database.electionId,
      title: sampleElection(database.electionId).title,
      phase: 'open',
      opens_at: new Date(OPENS).toISOString(),
      closes_at: new Date(CLOSES).toISOString(),
      results: 'afterClose',
      eligible: 2_000,
      final: false,
      laws: [
        { ...turnout, law_id: 'loi-2026-01', total_votes: 900, turnout_percent: 45 },
        { ...turnout, law_id: 'loi-2026-02', total_votes: 0, turnout_percent: 0 },
      ],
    });
  });

  test('is not there for an election that shows its counts live', async () => {
    const live = await ledgerDatabase();
    await live.ledger.publishElection(sampleElection(live.electionId, { results: 'live' }), 'Open');
    const other = await startResultsStage(live);
    try {
      const response = await fetch(`${other.base}/api/v1/results`);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ phase: 'open', final: false });
    } finally {
      await other.stop();
      await live.drop();
    }
  });
});

describe('results', () => {
  beforeEach(() => stage.setClock(CLOSES));

  test('list every law with counts, shares and turnout, and say that they are not final yet', async () => {
    const { json, headers } = await get('/api/v1/results');
    expect(json).toEqual({
      election_id: database.electionId,
      title: sampleElection('x').title,
      phase: 'counting',
      opens_at: '2026-10-05T12:00:00.000Z',
      closes_at: '2026-10-06T00:00:00.000Z',
      results: 'afterClose',
      eligible: 2_000,
      final: false,
      closed_at: null,
      digest: null,
      digest_verified: null,
      laws: [
        {
          law_id: 'loi-2026-01',
          title: { fr: 'Loi sur l’eau', en: 'Water Act' },
          oui_count: 600,
          non_count: 300,
          oui_percent: 66.67,
          non_percent: 33.33,
          total_votes: 900,
          eligible: 2_000,
          turnout_percent: 45,
          updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          final: false,
        },
        expect.objectContaining({
          law_id: 'loi-2026-02',
          total_votes: 0,
          oui_percent: null,
          non_percent: null,
        }),
      ],
    });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('cache-control')).toBe('public, max-age=1');
  });

  test('of one law are what the list says of it', async () => {
    const list = (await get('/api/v1/results')).json.laws as Json[];
    expect((await get('/api/v1/results/loi-2026-01')).json).toEqual(list[0]);
  });

  test('of a law that is not the election’s are unknown, embargo or not', async () => {
    for (const now of [OPENS, CLOSES]) {
      stage.setClock(now);
      const { status, json } = await get('/api/v1/results/loi-2099');
      expect([status, json.code]).toEqual([404, 'unknown-law']);
    }
  });

  test('that a reader has already are not sent again', async () => {
    const { headers } = await get('/api/v1/results');
    // Not with fetch: it asks for a fresh copy whenever it is given a condition.
    const again = await new Promise<IncomingMessage>((resolve) =>
      request(
        `${stage.base}/api/v1/results`,
        { headers: { 'If-None-Match': headers.get('etag')! } },
        resolve,
      ).end(),
    );
    expect(again.statusCode).toBe(304);
    expect(await again.toArray()).toEqual([]);
  });

  test('come as a table that no spreadsheet takes for a formula', async () => {
    const { text, headers } = await get('/api/v1/results.csv');
    const lines = text.split('\r\n');
    expect(lines[0]).toMatch(/^law_id,title_fr,title_en,oui_count,non_count,total_votes,/);
    expect(lines[1]).toMatch(
      /^loi-2026-01,Loi sur l’eau,Water Act,600,300,900,66.67,33.33,2000,45,.*,false$/,
    );
    expect(lines[2]).toContain(`loi-2026-02,"'=1+1, ""citée""",Forest Act,0,0,0,,,2000,0,`);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="results-${database.electionId}-provisional.csv"`,
    );
  });

  test.each(['/api/v1/results.csv', '/api/v1/results.json'])(
    '%s carries the digest of its bytes',
    async (path) => {
      const response = await fetch(stage.base + path);
      const digest = createHash('sha256').update(Buffer.from(await response.arrayBuffer()));
      const hex = digest.copy().digest('hex');
      expect(response.headers.get('x-content-sha256')).toBe(hex);
      expect(response.headers.get('content-digest')).toBe(`sha-256=:${digest.digest('base64')}:`);
    },
  );
});

test('what the election is can be read before anything is counted', async () => {
  stage.setClock(OPENS - 1);
  const { json } = await get('/api/v1/election');
  expect(json).toMatchObject({
    phase: 'notYetOpen',
    laws: [{ law_id: 'loi-2026-01', question: { fr: 'Oui ?' } }, { law_id: 'loi-2026-02' }],
  });
});

describe('a ballot', () => {
  const record = async (status: string): Promise<string> => {
    const id = newBallotId(database.electionId);
    await database.pool.query('insert into vote_audit (ballot_id, law_id, status) values ($1, $2, $3)', [
      id,
      'loi-2026-01',
      status,
    ]);
    return id;
  };

  test.each([
    ['aggregated', 'private, max-age=3600'],
    ['duplicate', 'no-store'],
    ['invalid', 'no-store'],
  ])('that the ledger calls %s is told so', async (status, kept) => {
    const id = await record(status);
    const { json, headers } = await get(`/api/v1/ballots/${id.toUpperCase()}`);
    expect(json).toEqual({ ballot_id: id, status, law_id: 'loi-2026-01' });
    expect(headers.get('cache-control')).toBe(kept);
  });

  test('without an outcome is pending', async () => {
    const id = newBallotId(database.electionId);
    const { status, json, headers } = await get(`/api/v1/ballots/${id}`);
    expect(status).toBe(200);
    expect(json).toEqual({ ballot_id: id, status: 'pending', law_id: null });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('of another election, or mistyped, is unknown', async () => {
    const id = newBallotId(database.electionId);
    const mistyped = id.slice(0, 10) + (id[10] === '0' ? '1' : '0') + id.slice(11);
    for (const wrong of [newBallotId('another'), mistyped, 'x', '%20']) {
      const { status, json } = await get(`/api/v1/ballots/${wrong}`);
      expect([status, json.code]).toEqual([404, 'unknown-ballot']);
    }
  });
});

test('nothing that is asked for makes a 500, on any path', async () => {
  const prefixes = [
    '/',
    '/api/v1/ballots/',
    '/api/v1/results/',
    '/ballot/',
    '/ballot?id=',
    '/?lang=',
    '/assets/',
  ];
  const tail = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => encodeURIComponent(text.toWellFormed())),
    fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\x21-\x7e]|[\\]/g, '%')),
    fc.constantFrom('%', '%00', '%ff', '..', '%2e%2e%2f', 'a&id=b', '[]=', '__proto__', 'x'.repeat(5_000)),
  );
  const allowed = new Set([200, 303, 304, 400, 403, 404]);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...prefixes), tail, async (prefix, rest) => {
      const { status } = await get(prefix + rest);
      return allowed.has(status);
    }),
    { numRuns: 300 },
  );
});

test.each(['POST', 'PUT', 'DELETE', 'PATCH'])('%s is refused: results are only read', async (method) => {
  const { status, headers, json } = await get('/api/v1/results', { method });
  expect([status, json.code]).toEqual([405, 'method-not-allowed']);
  expect(headers.get('allow')).toBe('GET, HEAD, OPTIONS');
});

test('metrics count requests by pattern, never by what was asked for', async () => {
  await get(`/api/v1/ballots/${newBallotId(database.electionId)}`);
  await get('/nobody/knows/this');
  const { text } = await get('/metrics');
  expect(text).toMatch(
    /scrutin_http_request_seconds_count\{.*route="\/api\/v1\/ballots\/:ballot_id".*status="200"/,
  );
  expect(text).toMatch(/route="other"/);
  expect(text).not.toContain('/nobody');
});

// Last: it ends the election.
describe('the final result', () => {
  const counts = [{ lawId: 'loi-2026-01', oui: 600, non: 300 }];

  beforeAll(async () => {
    const document = resultDocument(sampleElection(database.electionId), 2_000, counts, true);
    await database.ledger.close(resultDigest(document), new Date(CLOSES + 4_000));
    await database.ledger.setPhase('Closed');
    await stage.reread();
  });

  test('is final only when the clock has passed the closing too', async () => {
    stage.setClock(CLOSES - 1);
    expect((await get('/api/v1/results')).status).toBe(403);
    stage.setClock(CLOSES);
    expect((await get('/api/v1/results')).json).toMatchObject({
      phase: 'final',
      final: true,
      closed_at: '2026-10-06T00:00:04.000Z',
      digest_verified: true,
      laws: [{ final: true }, { final: true }],
    });
  });

  test('is a file with the very digest that was published', async () => {
    stage.setClock(CLOSES);
    const { text, headers } = await get('/api/v1/results.json');
    const { digest } = (await get('/api/v1/results')).json;
    expect(createHash('sha256').update(text).digest('hex')).toBe(digest);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="results-${database.electionId}.json"`,
    );
  });

  test('that was changed afterwards no longer verifies, and says so', async () => {
    stage.setClock(CLOSES);
    const change =
      'update vote_results set oui_count = oui_count + $1, total_votes = total_votes + $1 where law_id = $2';
    await database.pool.query(change, [1, 'loi-2026-01']);
    await stage.reread();
    expect((await get('/api/v1/results')).json.digest_verified).toBe(false);
    expect((await get('/?lang=fr')).text).toContain('ne correspondent pas à l’empreinte publiée');
    await database.pool.query(change, [-1, 'loi-2026-01']);
    await stage.reread();
    expect((await get('/api/v1/results')).json.digest_verified).toBe(true);
  });
});
