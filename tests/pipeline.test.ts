import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import { HttpLane, overLanes } from '../load-tests/http-lane.ts';
import { expectedCounts, type PlannedVote, planVotes } from '../load-tests/plan-votes.ts';
import { ballotsByElector, wrongStatuses } from './support/ballot-groups.ts';
import { type CastVote, castVotes } from './support/cast-votes.ts';
import { dumpQueues, dumpRedis, dumpRows } from './support/dumps.ts';
import { ElectionUnderTest } from './support/election-under-test.ts';
import { environmentUrls } from './support/environment-urls.ts';
import { LeakSearch, NO_LEAK } from './support/leak-search.ts';
import { removeElection } from './support/remove-election.ts';
import {
  allRecorded,
  duplicateAttempts,
  duplicateVoters,
  tallied,
  withDatabase,
} from './support/tally-check.ts';

/** Valid votes; beside them 5 % cast again (a fifth of those with the other choice), 2 % ineligible, 1 % malformed. */
const VALID = 20_000;
const LANES = 128;

describe('a vote, cast and counted', () => {
  let election: ElectionUnderTest;
  let votes: PlannedVote[];
  let changes: PlannedVote[];
  const history: CastVote[] = [];

  beforeAll(async () => {
    election = await ElectionUnderTest.start({ urls: environmentUrls(), voters: VALID / 2 });
    ({ votes, changes } = planVotes({
      electors: election.electors,
      laws: election.laws,
      valid: VALID,
      repeats: 0.04,
      changes: 0.01,
      ineligible: 0.02,
      malformed: 0.01,
    }));
    history.push(...(await castVotes(election.ingestion.url, votes, { lanes: LANES })));
    await allRecorded(election.databaseUrl, history, 60_000);
    // Sent only now, so that it is known which of a voter's two choices came first.
    history.push(...(await castVotes(election.ingestion.url, changes, { lanes: LANES })));
    await allRecorded(election.databaseUrl, history, 60_000);
  }, 180_000);

  afterAll(async () => {
    await election?.stop();
    if (election) await removeElection(election);
  }, 60_000);

  test('every vote that can be read is accepted, and every malformed one is refused', () => {
    const answers = history.map(({ vote, status }) => `${vote.kind === 'malformed'}/${status}`);
    expect(new Set(answers.filter((answer) => answer.startsWith('false')))).toEqual(new Set(['false/202']));
    const refusals = new Set(answers.filter((answer) => answer.startsWith('true')));
    expect([...refusals].sort()).toEqual(['true/400', 'true/422']);
  });

  test('the tally holds exactly what was cast, per law and choice', async () => {
    expect(await withDatabase(election.databaseUrl, tallied)).toEqual(expectedCounts(votes));
  });

  test('duplicate_attempts holds exactly those who voted twice, once each', async () => {
    const pepper = pepperFromHex(election.pepper);
    const twice = [...votes, ...changes]
      .filter(({ kind }) => kind === 'repeat' || kind === 'change')
      .map(({ elector, lawId }) => {
        const { nas, code } = election.electors[elector!]!;
        return `${voterHash(electorHash(nas, code), pepper).toString('hex')}/${lawId}`;
      });
    expect(twice).toHaveLength(VALID * 0.05);
    expect(await withDatabase(election.databaseUrl, duplicateVoters)).toEqual(twice.sort());
    expect(new Set(await withDatabase(election.databaseUrl, duplicateAttempts))).toEqual(new Set([1]));
  });

  test('each ballot’s status reads right at the address that its voter was given', async () => {
    const groups = [...ballotsByElector(history).values()];
    const several = groups.filter((ballots) => ballots.length > 1).slice(0, 300);
    const single = groups.filter((ballots) => ballots.length === 1).slice(0, 300);
    const ineligible = history.filter(({ vote }) => vote.kind === 'ineligible');
    const sample = [...several, ...single, ineligible].flat();
    const statuses = new Map();
    await overLanes(election.results.url, 8, sample, async (lane, { ballotId, body }) => {
      const { status_url } = JSON.parse(body) as { status_url: string };
      expect(status_url).toBe(`${election.results.url}/api/v1/ballots/${ballotId}`);
      const answer = await lane.send(HttpLane.get(new URL(status_url).pathname));
      expect(answer.status).toBe(200);
      statuses.set(ballotId!, (JSON.parse(answer.body) as { status: string }).status);
    });
    expect(wrongStatuses(sample, statuses)).toEqual([]);
  });

  test('results shows the same counts as the tally, and a turnout', async () => {
    const expected = expectedCounts(votes);
    for (const lawId of election.laws) {
      const { oui, non } = expected[lawId]!;
      const read = async () => {
        const response = await fetch(`${election.results.url}/api/v1/results/${lawId}`);
        return (await response.json()) as { total_votes: number };
      };
      // What readers see is at most REFRESH_MS old.
      await until('results are fresh', async () => (await read()).total_votes === oui + non, 10_000);
      expect(await read()).toMatchObject({ law_id: lawId, oui_count: oui, non_count: non });
    }
  });

  test('no log line, queued message, Redis key or database row holds a NAS, a code or an unpeppered hash', async () => {
    const search = new LeakSearch(election.electors);
    const { nas, code } = election.electors[0]!;
    // The search itself finds what it looks for.
    expect(search.count(`x ${nas} ${code.toLowerCase()} ${electorHash(nas, code).toString('hex')}`)).toEqual({
      nas: 1,
      codes: 1,
      hashes: 1,
    });

    // Messages are only at rest while nobody takes them: first those to validation, then those to aggregation.
    const electors = election.electors.slice(0, 100);
    for (const stages of [election.validations, election.aggregations]) {
      await Promise.all(stages.map((stage) => stage.stop()));
      const { votes: late } = planVotes({ electors, laws: ['loi-1'], valid: 100, ineligible: 0.1 });
      history.push(...(await castVotes(election.ingestion.url, late, { lanes: 4 })));
      const dump = () => dumpQueues(election.urls.RABBITMQ_MANAGEMENT_URL, election.id);
      await until('votes wait in a queue', async () => (await dump()).length > 0, 10_000);
      expect(search.count((await dump()).join('\n'))).toEqual(NO_LEAK);
      for (const stage of stages) stage.start();
      await allRecorded(election.databaseUrl, history, 60_000);
      await until('the queues are empty', async () => (await dump()).length === 0, 10_000);
    }

    const redis = await dumpRedis(election.urls.REDIS_URL, election.id);
    expect(redis.length).toBeGreaterThan(VALID * 10);
    expect(search.count(redis)).toEqual(NO_LEAK);

    const logs = election.logs();
    expect(logs.length).toBeGreaterThan(1_000);
    expect(search.count(logs)).toEqual(NO_LEAK);

    const rows = await dumpRows(election.databaseUrl);
    expect(rows.length).toBeGreaterThan(VALID * 2);
    expect(search.count(rows.map(({ row }) => row).join('\n'))).toEqual(NO_LEAK);
  }, 120_000);

  test('no database row has both a voter hash and a choice, and no log line has a voter hash', async () => {
    const pepper = pepperFromHex(election.pepper);
    const voters = new Set(
      election.electors.map(({ nas, code }) => voterHash(electorHash(nas, code), pepper).toString('hex')),
    );
    const hashesIn = (text: string) => (text.match(/[0-9a-f]{64}/g) ?? []).filter((hash) => voters.has(hash));
    const rows = await dumpRows(election.databaseUrl);
    const withVoter = rows.filter(({ row }) => hashesIn(row).length > 0);
    expect(withVoter.length).toBeGreaterThanOrEqual(VALID);
    const withChoice = withVoter.filter(({ row }) => /\b(?:oui|non)\b/i.test(row));
    expect(withChoice).toEqual([]);
    expect(hashesIn(election.logs())).toEqual([]);
  });
});
