import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { readMetrics, seriesValue, sumOf } from '@scrutin/shared/testing/read-metrics.ts';
import {
  type LedgerDatabase,
  ledgerDatabase,
  type ResultsStage,
  sampleElection,
  startResultsStage,
} from './testing/results-stage.ts';

let database: LedgerDatabase;
let stage: ResultsStage;
beforeAll(async () => {
  database = await ledgerDatabase();
  await database.ledger.publishElection(sampleElection(database.electionId), 'Open');
  stage = await startResultsStage(database);
});
afterAll(async () => {
  await stage?.stop();
  await database?.drop();
});

/** Requests of which each `n` has paths, laws, ballots and methods of its own. */
async function storm(from: number, rounds: number): Promise<void> {
  for (let n = from; n < from + rounds; n++)
    await Promise.all(
      [
        [`/api/v1/results/law-${n}`],
        [`/api/v1/results/%7b%22${'x'.repeat(n)}`],
        [`/api/v1/ballots/${newBallotId(database.electionId)}`],
        [`/api/v1/ballots/ballot-${n}`],
        [`/${n}/%2e%2e/${n}`],
        ['/%'],
        [`/api/v1/turnout?n=${n}`, 'POST'],
        ['/api/v1/results', 'DELETE'],
        [`/?lang=${n}`],
      ].map(async ([path, method = 'GET']) => (await fetch(stage.base + path, { method })).text()),
    );
}

describe('the metrics of results', () => {
  test('get no new series from a storm of hostile requests', async () => {
    await storm(1, 10);
    await readMetrics(stage.base);
    const before = await readMetrics(stage.base);
    await storm(100, 40);
    const after = await readMetrics(stage.base);
    const own = (all: ReadonlyMap<string, number>) =>
      [...all.keys()].filter((key) => key.startsWith('scrutin_')).sort();
    expect(own(after)).toEqual(own(before));
    const requests = 'scrutin_http_request_seconds_count';
    expect(sumOf(after, requests)).toBeGreaterThanOrEqual(sumOf(before, requests) + 9 * 40);
  });

  test('tell the state of PostgreSQL and of the pool', async () => {
    const now = await readMetrics(stage.base);
    expect(seriesValue(now, 'scrutin_connection_up', { server: 'postgresql' })).toBe(1);
    expect(seriesValue(now, 'scrutin_postgres_pool_waiting')).toBe(0);
    expect(seriesValue(now, 'scrutin_postgres_pool_connections', { state: 'idle' })).toBeGreaterThanOrEqual(
      0,
    );
  });
});
