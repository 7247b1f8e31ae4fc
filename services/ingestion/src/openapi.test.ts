import { describe, expect, test } from '@jest/globals';
import { Health } from '@scrutin/shared/health.ts';
import { createApp, mountProbes } from '@scrutin/shared/http.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { healthReportSchema, problemSchema } from '@scrutin/shared/openapi.ts';
import { submissionSchema } from '@scrutin/shared/submission.ts';
import {
  documentedOperations,
  examples,
  servedOperations,
  structuralFaults,
} from '@scrutin/shared/testing/openapi-checks.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import type { z } from 'zod';
import { ingestionMetrics } from './ingestion-metrics.ts';
import { acceptedSchema, ingestionDocument, mountDocs } from './openapi.ts';
import { VoteBatcher } from './vote-batcher.ts';
import { voteRoute } from './vote-route.ts';

function ingestionApp() {
  const app = createApp();
  const registry = createMetrics('ingestion', 'demo', '0');
  app.use(
    voteRoute({
      election: () => undefined,
      taking: () => false,
      batcher: new VoteBatcher({ publish: async () => {}, maxVotes: 1, lingerMs: 0, maxPending: 1 }),
      pepper: pepperFromHex('00'.repeat(32)),
      resultsUrl: 'http://127.0.0.1:3004',
      log: createLog({ stage: 'test', level: 'silent' }),
      metrics: ingestionMetrics(registry, {
        waiting: () => 0,
        pending: () => 0,
        inFlight: () => 0,
        redisUp: () => false,
        rabbitmqUp: () => false,
      }),
    }),
  );
  mountProbes(
    app,
    new Health({ stage: 'ingestion', electionId: 'demo', version: '0', checks: {} }),
    registry,
  );
  mountDocs(app);
  return app;
}

describe('the OpenAPI document of ingestion', () => {
  test('has every served path, and no other', () => {
    expect(documentedOperations(ingestionDocument)).toEqual(servedOperations(ingestionApp()));
  });

  test('is structurally sound', () => {
    expect(structuralFaults(ingestionDocument)).toEqual([]);
  });

  test('shows only examples that fit their schemas', () => {
    const schemas: Record<string, z.ZodType> = {
      Submission: submissionSchema,
      Accepted: acceptedSchema,
      Problem: problemSchema,
      HealthReport: healthReportSchema,
    };
    const shown = examples(ingestionDocument);
    expect(shown.length).toBeGreaterThan(15);
    for (const { at, schema, value } of shown)
      expect({ at, ok: schemas[schema]!.safeParse(value).success }).toEqual({ at, ok: true });
  });

  test('describes the submission with the rules of the vocabulary', () => {
    expect(ingestionDocument.components.schemas.Submission).toMatchObject({
      type: 'object',
      required: ['nas', 'code', 'law_id', 'vote'],
      properties: { code: { pattern: '^[A-Za-z0-9]{6}$' }, vote: { enum: ['oui', 'non'] } },
    });
  });
});
