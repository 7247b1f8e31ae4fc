import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { expectedCounts, planVotes } from '../load-tests/plan-votes.ts';
import { Ledger } from '../operator/src/ledger/ledger.ts';
import { wrongStatuses } from './support/ballot-groups.ts';
import { castVotes } from './support/cast-votes.ts';
import { ElectionUnderTest } from './support/election-under-test.ts';
import { PrivateServers } from './support/private-servers.ts';
import type { StageProcess } from './support/stage-process.ts';
import { allRecorded, duplicateAttempts, tallied, withDatabase } from './support/tally-check.ts';

const VALID = 20_000;

let servers: PrivateServers;
let election: ElectionUnderTest;

beforeAll(async () => {
  servers = await PrivateServers.start();
  election = await ElectionUnderTest.start({ urls: servers.urls, voters: VALID / 2 });
}, 120_000);

afterAll(async () => {
  await election?.stop();
  await servers?.stop();
  election?.discardFolder();
}, 60_000);

test('with one of each killed by SIGKILL in the middle of the load, no accepted vote is lost and none is counted twice', async () => {
  const { votes } = planVotes({
    electors: election.electors,
    laws: election.laws,
    valid: VALID,
    repeats: 0.05,
    ineligible: 0.02,
    malformed: 0.01,
  });
  const restart = async (stage: StageProcess) => {
    await stage.stop('SIGKILL');
    stage.start();
  };
  const faults: [string, () => Promise<void>][] = [
    ['ingestion', () => restart(election.ingestion)],
    ['validation', () => restart(election.validations[0]!)],
    ['aggregation', () => restart(election.aggregations[0]!)],
    ['Redis', () => servers.killAndRestart('redis')],
    ['RabbitMQ', () => servers.killAndRestart('rabbitmq')],
    ['PostgreSQL', () => servers.killAndRestart('postgres')],
  ];
  const struck: string[] = [];
  let striking: Promise<void> = Promise.resolve();
  const history = await castVotes(election.ingestion.url, votes, {
    lanes: 64,
    retryForMs: 120_000,
    onAnswer: (done) => {
      // One fault after another, each when the next seventh of the votes is through.
      const next = faults[struck.length];
      if (!next || done < ((struck.length + 1) * votes.length) / 7) return;
      const [name, strike] = next;
      struck.push(name);
      striking = striking.then(strike);
    },
  });
  await striking;
  expect(struck).toEqual(faults.map(([name]) => name));
  await Promise.all(election.stages.map((stage) => stage.ready(60_000)));

  // Clients that try again under the same Idempotency-Key all get through in the end.
  const refused = history.filter(({ vote, status }) => vote.kind !== 'malformed' && status !== 202);
  expect(refused).toEqual([]);
  const statuses = await allRecorded(election.databaseUrl, history, 60_000);
  expect(wrongStatuses(history, statuses)).toEqual([]);
  expect(await withDatabase(election.databaseUrl, tallied)).toEqual(expectedCounts(votes));
  // A retry or a redelivery is not a second attempt (P3): each voter who voted twice has one, no matter what broke.
  expect(await withDatabase(election.databaseUrl, duplicateAttempts)).toEqual(Array(VALID * 0.05).fill(1));
  const pool = new pg.Pool({ connectionString: election.databaseUrl, max: 1 });
  expect(await new Ledger(pool).invariants().finally(() => pool.end())).toEqual({ ok: true, problems: [] });
}, 300_000);
