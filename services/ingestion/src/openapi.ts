import { serveDocs } from '@scrutin/shared/docs.ts';
import {
  type OpenApiDocument,
  openApiDocument,
  problemResponses,
  schemaRef,
} from '@scrutin/shared/openapi.ts';
import { submissionSchema } from '@scrutin/shared/submission.ts';
import type { Express } from 'express';
import { z } from 'zod';
import { VOTE_PATH } from './vote-route.ts';

const BALLOT_ID = '019a4c1e-7d2f-8b3a-9c41-5e6f7a8b9c0d';
const STATUS_URL = `https://resultats.example.org/api/v1/ballots/${BALLOT_ID}`;

export const acceptedSchema = z.object({
  request_id: z.uuid().describe('The ballot’s id. It says nothing of the voter or the choice'),
  status: z.literal('accepted'),
  message: z.string(),
  status_url: z.url().describe('Where the ballot’s status can be asked for'),
});

const submission = { nas: '046 454 286', code: 'A1B2C3', law_id: 'loi-2026-01', vote: 'oui' };

/** Ingestion's OpenAPI document. */
export const ingestionDocument: OpenApiDocument = openApiDocument({
  title: 'Scrutin: ingestion',
  description:
    'Takes votes. A 202 means that the broker has the vote on a durable quorum queue: it will be counted, once per person and law.',
  tags: [{ name: 'votes', description: 'Casting a vote' }],
  requests: { Submission: submissionSchema },
  responses: { Accepted: acceptedSchema },
  paths: {
    [VOTE_PATH]: {
      post: {
        operationId: 'castVote',
        tags: ['votes'],
        summary: 'Casts a vote on one law',
        description:
          'Whether the voter is eligible and has not voted yet is decided after the 202; the ballot’s status tells. ' +
          'NAS and code are in no log, queue or database, and no problem repeats them.',
        parameters: [
          {
            name: 'Idempotency-Key',
            in: 'header',
            description:
              'Makes a retry the same ballot: the same key, voter and law get the same request_id. 1 to 255 visible ASCII characters',
            schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
            example: '7f1c9a52-0d0e-4f0c-9a53-1f2e3d4c5b6a',
          },
        ],
        requestBody: {
          required: true,
          description: 'At most 4 KiB of UTF-8, not compressed. Other members are ignored',
          content: {
            'application/json': { schema: schemaRef('Submission'), example: submission },
          },
        },
        responses: {
          '202': {
            description: 'Accepted: confirmed by the broker',
            headers: {
              Location: {
                description: 'The same as status_url',
                schema: { type: 'string', format: 'uri' },
                example: STATUS_URL,
              },
            },
            content: {
              'application/json': {
                schema: schemaRef('Accepted'),
                example: {
                  request_id: BALLOT_ID,
                  status: 'accepted',
                  message: 'The vote was accepted and will be counted',
                  status_url: STATUS_URL,
                },
              },
            },
          },
          ...problemResponses({
            'not-json': 'The body must be one complete JSON object',
            'bad-idempotency-key': 'Idempotency-Key must be 1 to 255 visible ASCII characters',
            'bad-request': 'The request’s path or headers can’t be read',
            'not-open': 'Votes are taken from 2026-10-05T12:00:00.000Z on',
            closed: 'Votes were taken until 2026-10-06T00:00:00.000Z',
            'unknown-law': 'law_id must be one of: loi-2026-01, loi-2026-02',
            'too-large': 'The body is larger than a vote can be',
            'not-json-type': 'Send the vote with Content-Type: application/json',
            'invalid-submission': 'code must be a string of 6 letters and digits, in either case',
            'rate-limited': 'At most 600 votes a minute are taken from one address',
            overloaded: 'Try again in a moment',
            'broker-unavailable': 'Votes can’t be taken right now; nothing was recorded',
            suspended: 'Voting is suspended; nothing was recorded',
            'not-ready': 'The election has not been prepared yet',
          }),
        },
      },
    },
  },
});

/** Serves the document at `/openapi.json` and `/docs`. */
export const mountDocs = (app: Express): void => serveDocs(app, ingestionDocument);
