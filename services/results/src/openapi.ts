import { serveDocs } from '@scrutin/shared/docs.ts';
import {
  type ApiResponse,
  jsonResponse,
  type OpenApiDocument,
  type Operation,
  openApiDocument,
  type Parameter,
  problemResponses,
  schemaRef,
} from '@scrutin/shared/openapi.ts';
import { resultDigest } from '@scrutin/shared/result-document.ts';
import type { Express } from 'express';
import { resultsCsv } from './results-csv.ts';
import {
  ballotSchema,
  electionSchema,
  lawResultSchema,
  resultFileSchema,
  resultsSchema,
  turnoutSchema,
} from './results-schemas.ts';
import { ballotView, electionView, resultsView, turnoutView } from './results-view.ts';
import { documentOf, type Snapshot } from './snapshot.ts';

/** The examples are what the code makes of this. */
const unsealed: Snapshot = {
  election: {
    id: 'demo',
    title: { fr: 'Référendum de démonstration', en: 'Sample referendum' },
    laws: [{ id: 'loi-2026-01', title: { fr: 'Loi sur l’eau', en: 'Water Act' } }],
    opensAt: '2026-10-05T12:00:00.000Z',
    closesAt: '2026-10-06T00:00:00.000Z',
    results: 'afterClose',
    recordClients: false,
    luhn: false,
    suspended: false,
    eligible: 100_000,
    layout: { shards: 1, bucketBits: 10 },
  },
  eligible: 100_000,
  phase: 'Closed',
  closed_at: '2026-10-06T00:00:04.512Z',
  digest: null,
  counts: [{ law_id: 'loi-2026-01', oui: 34_120, non: 27_344, updated_at: '2026-10-06T00:00:01.873Z' }],
};
const sample: Snapshot = { ...unsealed, digest: resultDigest(documentOf(unsealed, 'final')) };
const final = resultsView(sample, 'final');
const BALLOT_ID = '019a4c1e-7d2f-8b3a-9c41-5e6f7a8b9c0d';

const UNAVAILABLE = {
  'ledger-unavailable': 'The counts can’t be read right now',
  'not-ready': 'The election has not been published yet',
} as const;
const EMBARGO = {
  embargo: 'Results are published from 2026-10-06T00:00:00.000Z on; turnout is always open',
} as const;

const lawId: Parameter = {
  name: 'law_id',
  in: 'path',
  required: true,
  description: 'The law',
  schema: { type: 'string' },
  example: 'loi-2026-01',
};

const language: Parameter = {
  name: 'lang',
  in: 'query',
  description:
    'Language of the page, `fr` or `en`; without one of them Accept-Language decides, and French if it says nothing',
  schema: { type: 'string' },
  example: 'fr',
};

const ballotId = (type: object): Parameter => ({
  name: 'ballot_id',
  in: 'path',
  required: true,
  description: 'The request_id of the answer to the vote',
  schema: { type: 'string', ...type },
  example: BALLOT_ID,
});

const file = (description: string, content: ApiResponse['content']): ApiResponse => ({
  description,
  headers: {
    'Content-Disposition': {
      description: 'The file’s name; it says `provisional` while counts may change',
      schema: { type: 'string' },
      example: 'attachment; filename="results-demo.json"',
    },
    'Content-Digest': {
      description: 'SHA-256 of the bytes, base64 (RFC 9530)',
      schema: { type: 'string' },
      example: `sha-256=:${Buffer.from(sample.digest ?? '', 'hex').toString('base64')}:`,
    },
    'X-Content-SHA256': {
      description: 'The same, hexadecimal, as sha256sum prints it',
      schema: { type: 'string' },
      example: sample.digest,
    },
  },
  ...(content && { content }),
});

const page = (operationId: string, summary: string, parameters: Parameter[]): Operation => ({
  operationId,
  tags: ['pages'],
  summary,
  parameters: [...parameters, language],
  responses: {
    '200': {
      description: 'A page; it works without JavaScript',
      content: { 'text/html': { schema: { type: 'string' } } },
    },
    '503': {
      description: 'A page that says so, with Retry-After',
      content: { 'text/html': { schema: { type: 'string' } } },
    },
  },
});

/** The results stage's OpenAPI document. */
export const resultsDocument: OpenApiDocument = openApiDocument({
  title: 'Scrutin: results',
  description:
    'Counts, turnout and what became of a ballot. Read only; open to any site (CORS). ' +
    'Until the election closes counts are under embargo (403 `embargo`), unless the election shows them live.',
  tags: [
    { name: 'results', description: 'Counts and turnout' },
    { name: 'ballots', description: 'What became of a ballot' },
    { name: 'pages', description: 'For people, in French and English' },
  ],
  responses: {
    Election: electionSchema,
    Results: resultsSchema,
    LawResult: lawResultSchema,
    Turnout: turnoutSchema,
    Ballot: ballotSchema,
    ResultFile: resultFileSchema,
  },
  paths: {
    '/api/v1/election': {
      get: {
        operationId: 'election',
        tags: ['results'],
        summary: 'The election: laws, times, where it stands',
        responses: {
          '200': jsonResponse('The election', 'Election', electionView(sample, 'open')),
          ...problemResponses(UNAVAILABLE),
        },
      },
    },
    '/api/v1/turnout': {
      get: {
        operationId: 'turnout',
        tags: ['results'],
        summary: 'How many have voted on each law; open at any time',
        responses: {
          '200': jsonResponse('Turnout by law', 'Turnout', turnoutView(sample, 'open')),
          ...problemResponses(UNAVAILABLE),
        },
      },
    },
    '/api/v1/results': {
      get: {
        operationId: 'results',
        tags: ['results'],
        summary: 'The counts of every law',
        responses: {
          '200': jsonResponse('Results by law', 'Results', final),
          ...problemResponses({ ...EMBARGO, ...UNAVAILABLE }),
        },
      },
    },
    '/api/v1/results/{law_id}': {
      get: {
        operationId: 'lawResult',
        tags: ['results'],
        summary: 'The counts of one law',
        parameters: [lawId],
        responses: {
          '200': jsonResponse('The law’s result', 'LawResult', final.laws[0]),
          ...problemResponses({
            'bad-request': 'The request’s path or headers can’t be read',
            ...EMBARGO,
            'unknown-law': 'GET /api/v1/election lists the laws',
            ...UNAVAILABLE,
          }),
        },
      },
    },
    '/api/v1/results.json': {
      get: {
        operationId: 'resultFile',
        tags: ['results'],
        summary: 'The result as a file whose digest anyone can check',
        description:
          'Canonical JSON (RFC 8785) and a line feed. `sha256sum` of the final one prints the published digest.',
        responses: {
          '200': file('The file', {
            'application/json': {
              schema: schemaRef('ResultFile'),
              example: JSON.parse(documentOf(sample, 'final').toString()) as unknown,
            },
          }),
          ...problemResponses({ ...EMBARGO, ...UNAVAILABLE }),
        },
      },
    },
    '/api/v1/results.csv': {
      get: {
        operationId: 'resultTable',
        tags: ['results'],
        summary: 'The counts of every law as a table (RFC 4180)',
        responses: {
          '200': file('The file', { 'text/csv': { schema: { type: 'string' }, example: resultsCsv(final) } }),
          ...problemResponses({ ...EMBARGO, ...UNAVAILABLE }),
        },
      },
    },
    '/api/v1/ballots/{ballot_id}': {
      get: {
        operationId: 'ballot',
        tags: ['ballots'],
        summary: 'What became of a ballot',
        description: 'Never the choice: no part of the system has it together with a ballot.',
        parameters: [ballotId({ format: 'uuid' })],
        responses: {
          '200': jsonResponse(
            'The ballot’s status',
            'Ballot',
            ballotView(BALLOT_ID, { ballot_id: BALLOT_ID, law_id: 'loi-2026-01', status: 'aggregated' }),
          ),
          ...problemResponses({
            'bad-request': 'The request’s path or headers can’t be read',
            'unknown-ballot': 'Check that the id was copied whole, letter by letter',
            'ledger-unavailable': 'Ballots can’t be looked up right now; try again in a moment',
          }),
        },
      },
    },
    '/': { get: page('resultsPage', 'Results or turnout, as they come in', []) },
    '/ballot': {
      get: {
        ...page('ballotForm', 'Asks for a ballot’s id', [
          {
            name: 'id',
            in: 'query',
            description: 'What was asked for; leads to its page',
            schema: { type: 'string' },
            example: BALLOT_ID,
          },
        ]),
        responses: {
          '200': {
            description: 'The form',
            content: { 'text/html': { schema: { type: 'string' } } },
          },
          '303': {
            description: 'To the ballot’s page',
            headers: {
              Location: {
                description: 'Its address',
                schema: { type: 'string' },
                example: `/ballot/${BALLOT_ID}`,
              },
            },
          },
        },
      },
    },
    '/ballot/{ballot_id}': {
      get: (() => {
        const operation = page('ballotPage', 'What became of a ballot', [ballotId({})]);
        const notFound: ApiResponse = {
          description: 'A page that says that this election gave out no such id',
          content: { 'text/html': { schema: { type: 'string' } } },
        };
        return { ...operation, responses: { ...operation.responses, '404': notFound } };
      })(),
    },
    '/assets/{asset}': {
      get: {
        operationId: 'asset',
        tags: ['pages'],
        summary: 'Style sheet and script of the pages',
        parameters: [
          {
            name: 'asset',
            in: 'path',
            required: true,
            description: 'File name',
            schema: { type: 'string' },
            example: 'page.css',
          },
        ],
        responses: {
          '200': { description: 'The file' },
          ...problemResponses({ 'not-found': 'GET is not served at this path' }),
        },
      },
    },
  },
});

/** Serves the document at `/openapi.json` and `/docs`. */
export const mountDocs = (app: Express): void => serveDocs(app, resultsDocument);
