import { describe, expect, test } from '@jest/globals';
import { Health } from '@scrutin/shared/health.ts';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { healthReportSchema, problemSchema } from '@scrutin/shared/openapi.ts';
import {
  documentedOperations,
  examples,
  servedOperations,
  structuralFaults,
} from '@scrutin/shared/testing/openapi-checks.ts';
import type { z } from 'zod';
import { resultsApp } from './app.ts';
import { resultsDocument } from './openapi.ts';
import { resultsMetrics } from './results-metrics.ts';
import {
  ballotSchema,
  electionSchema,
  lawResultSchema,
  resultFileSchema,
  resultsSchema,
  turnoutSchema,
} from './results-schemas.ts';
import { silent } from './testing/results-stage.ts';

function unreadyApp() {
  const registry = createMetrics('results', 'demo', '0');
  return resultsApp({
    electionId: 'demo',
    snapshots: {
      lastKnown: undefined,
      require() {
        throw new Error('not asked');
      },
    },
    ballots: { outcome: async () => undefined },
    health: new Health({ stage: 'results', electionId: 'demo', version: '0', checks: {} }),
    registry,
    metrics: resultsMetrics(registry, {
      age: () => 0,
      waiting: () => 0,
      pool: { totalCount: 0, idleCount: 0, waitingCount: 0 },
      postgresqlUp: () => false,
    }),
    log: silent,
    timeZone: 'UTC',
  });
}

describe('the OpenAPI document of results', () => {
  test('has every served path, and no other', () => {
    expect(documentedOperations(resultsDocument)).toEqual(servedOperations(unreadyApp()));
  });

  test('is structurally sound', () => {
    expect(structuralFaults(resultsDocument)).toEqual([]);
  });

  test('shows only examples that fit their schemas', () => {
    const schemas: Record<string, z.ZodType> = {
      Election: electionSchema,
      Results: resultsSchema,
      LawResult: lawResultSchema,
      Turnout: turnoutSchema,
      Ballot: ballotSchema,
      ResultFile: resultFileSchema,
      Problem: problemSchema,
      HealthReport: healthReportSchema,
    };
    const shown = examples(resultsDocument);
    expect(shown.length).toBeGreaterThan(20);
    for (const { at, schema, value } of shown)
      expect({ at, ok: schemas[schema]!.safeParse(value).success }).toEqual({ at, ok: true });
  });
});
