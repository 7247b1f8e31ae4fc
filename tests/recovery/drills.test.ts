import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Elector } from '../../load-tests/plan-votes.ts';
import { backupDatabase, databaseUrl, restoreDatabase } from '../../scripts/stack/database-backup.ts';
import { PostgresTools } from '../../scripts/stack/postgres-tools.ts';
import { allRecorded, recordedStatuses, withDatabase } from '../support/tally-check.ts';
import { DrilledElection } from './drilled-election.ts';

const LOAD = 3_000;
/** The drills of docs/recovery.md, on one election, in this order: each begins with what the last one has left. */
let drilled: DrilledElection;
let folder: string;
let backup: string;
/** Voters whose vote is in the backup, and those whose vote was counted after it. */
let saved: Elector[];
let after: Elector[];
let began = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-drills-'));
  backup = join(folder, 'election.dump');
  drilled = await DrilledElection.start(LOAD + 1_000);
  began = performance.now();
}, 300_000);

afterAll(async () => {
  await drilled?.end();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

/** Runs a drill, and prints how long it took: docs/recovery.md has these figures. */
function drill(name: string, work: (since: () => string) => Promise<void>): void {
  test(name, async () => {
    began = performance.now();
    await work(() => `${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(await drilled.invariants()).toEqual({ ok: true, problems: [] });
  }, 300_000);
}

const tools = () => new PostgresTools(drilled.servers.urls.DATABASE_URL, drilled.servers.file);
const database = () => decodeURIComponent(new URL(drilled.election.databaseUrl).pathname.slice(1));

drill(
  'a backup that is made while votes arrive is of one moment, and nothing in it is half done',
  async () => {
    const { election, servers } = drilled;
    const voters = drilled.newcomers(LOAD);
    let answers = 0;
    const casting = drilled.cast(voters, 'oui', (done) => {
      answers = done;
    });
    await drilled.until('votes are being counted', async () => (await drilled.recorded()) > LOAD / 10);
    const [before, answersBefore] = [await drilled.recorded(), answers];
    await backupDatabase(tools(), database(), backup);
    const answersAfter = answers;
    const atMost = await drilled.recorded();
    const history = await casting;
    const statuses = await allRecorded(election.databaseUrl, history, 60_000);
    // Votes arrived before, during and after.
    expect(answersBefore).toBeGreaterThan(0);
    expect(answersAfter).toBeGreaterThan(answersBefore);
    expect(history.length).toBeGreaterThan(answersAfter);

    const url = servers.urls.DATABASE_URL;
    const restored = await restoreDatabase(tools(), url, 'beside', backup);
    expect(restored).toMatchObject({ checksum: 'verified', before: undefined });
    const total = restored.counts[0]!.total;
    expect(total).toBeGreaterThanOrEqual(before);
    expect(total).toBeLessThanOrEqual(atMost);
    const inBackup = await withDatabase(databaseUrl(url, 'beside'), recordedStatuses);
    expect(inBackup.size).toBe(total);
    for (const id of inBackup.keys()) expect(statuses.get(id)).toBe('aggregated');
    const of = (wanted: boolean) =>
      history
        .filter(({ ballotId }) => inBackup.has(ballotId!) === wanted)
        .map(({ vote }) => voters[vote.elector!]!);
    [saved, after] = [of(true), of(false)];
    expect(await drilled.counted()).toBe(LOAD);
  },
);

drill(
  'PostgreSQL with all data: accepted votes wait, the backup comes back, and whose vote it lacks can vote again',
  async (since) => {
    const { election, servers } = drilled;
    await servers.kill('postgres');
    // Its loss stops nobody from voting.
    const waiting = await drilled.cast(drilled.newcomers(50), 'oui');
    servers.discardData('postgres');
    await servers.repair();
    await drilled.untilReason('LedgerLost');
    const more = await drilled.cast(drilled.newcomers(50), 'oui');
    await expect(drilled.counted()).rejects.toThrow(/does not exist/);

    const lost = since();
    const restored = await restoreDatabase(tools(), servers.urls.DATABASE_URL, database(), backup);
    expect(restored.counts[0]!.total).toBe(saved.length);
    await allRecorded(election.databaseUrl, [...waiting, ...more], 120_000);
    await drilled.untilReady();
    await drilled.stagesReady();
    console.info(`PostgreSQL: found ${lost}, right again ${since()}`);
    expect(drilled.told('MarksRebuilt')).toBeGreaterThanOrEqual(1);
    expect(await drilled.counted()).toBe(saved.length + 100);

    expect(await drilled.outcomes(after, 'oui')).toEqual({ aggregated: after.length });
    expect(await drilled.outcomes(saved.slice(0, 50), 'non')).toEqual({ duplicate: 50 });
    expect(await drilled.counted()).toBe(LOAD + 100);
  },
);

drill('Redis with all data: the operator rebuilds it, and second votes are still found', async (since) => {
  const { servers } = drilled;
  const before = await drilled.counted();
  await servers.kill('redis');
  servers.discardData('redis');
  await servers.repair();
  const history = await drilled.cast(drilled.newcomers(50), 'oui');
  await allRecorded(drilled.election.databaseUrl, history, 120_000);
  await drilled.untilReady();
  console.info(`Redis: right again ${since()}`);
  expect(await drilled.marks()).toBe(before + 50);
  expect(await drilled.outcomes(saved.slice(0, 50), 'non')).toEqual({ duplicate: 50 });
  expect(await drilled.counted()).toBe(before + 50);
});

drill('RabbitMQ with all data and empty queues: nothing is lost', async (since) => {
  const { servers } = drilled;
  const before = await drilled.counted();
  await servers.kill('rabbitmq');
  servers.discardData('rabbitmq');
  await servers.repair();
  const voters = drilled.newcomers(50);
  expect(await drilled.outcomes(voters, 'non')).toEqual({ aggregated: 50 });
  await drilled.untilReady();
  await drilled.stagesReady();
  console.info(`RabbitMQ, empty: right again ${since()}`);
  expect(await drilled.counted()).toBe(before + 50);
  // A management API that is slow to come back makes two repairs of it.
  expect(drilled.told('TopologyRepaired')).toBeGreaterThanOrEqual(1);
});

drill(
  'RabbitMQ with all data and votes in its queues: those are lost, one knows how many, and their voters can vote again',
  async (since) => {
    const { election, servers } = drilled;
    const [validation] = election.validations;
    const [aggregation] = election.aggregations;
    const counted = await drilled.counted();
    const [accepted, recorded, marks] = [
      await drilled.accepted(),
      await drilled.recorded(),
      await drilled.marks(),
    ];
    // Some wait for aggregation, with their marks set, some for validation.
    await aggregation!.stop();
    const decided = drilled.newcomers(60);
    const undecided = drilled.newcomers(40);
    await drilled.cast(decided, 'oui');
    await drilled.until('they are marked', async () => (await drilled.marks()) === marks + 60);
    await validation!.stop();
    await drilled.cast(undecided, 'oui');
    const rebuilt = drilled.told('MarksRebuilt');

    await servers.kill('rabbitmq');
    servers.discardData('rabbitmq');
    await servers.repair();
    await drilled.until('the marks are made anew', () => drilled.told('MarksRebuilt') > rebuilt);
    validation!.start();
    aggregation!.start();
    await drilled.untilReady();
    await drilled.stagesReady();
    console.info(`RabbitMQ, with votes: right again ${since()}`);
    const missing = (await drilled.accepted()) - accepted - ((await drilled.recorded()) - recorded);
    expect(missing).toBe(100);
    expect(await drilled.counted()).toBe(counted);
    expect(await drilled.marks()).toBe(marks);

    expect(await drilled.outcomes([...decided, ...undecided], 'non')).toEqual({ aggregated: 100 });
    expect(await drilled.counted()).toBe(counted + 100);
  },
);

drill(
  'the operator with its status: voting goes on without it, and a new one finds everything',
  async (since) => {
    const { operator } = drilled.election;
    const before = await drilled.counted();
    await operator.stop('SIGKILL');
    drilled.forgetStatus();
    expect(await drilled.outcomes(drilled.newcomers(30), 'oui')).toEqual({ aggregated: 30 });
    operator.start();
    await drilled.untilReady();
    console.info(`operator: right again ${since()}`);
    expect(await drilled.counted()).toBe(before + 30);
  },
);

drill('each stage: started again it goes on with what waited for it', async (since) => {
  const { election } = drilled;
  const working = [...election.validations, ...election.aggregations];
  await Promise.all([...working, election.results].map((stage) => stage.stop('SIGKILL')));
  const before = await drilled.counted();
  const waiting = await drilled.cast(drilled.newcomers(30), 'oui');
  await election.ingestion.stop('SIGKILL');
  expect(await drilled.counted()).toBe(before);
  for (const stage of [...working, election.results, election.ingestion]) stage.start();
  await drilled.stagesReady();
  await allRecorded(election.databaseUrl, waiting, 120_000);
  console.info(`every stage: right again ${since()}`);
  expect(await drilled.counted()).toBe(before + 30);
});

drill('the pepper: another one is refused, and nothing is touched until the right one is back', async () => {
  const { operator } = drilled.election;
  const { env } = operator.options;
  const before = [await drilled.counted(), await drilled.marks()];
  await operator.stop();
  env.VOTER_PEPPER = '0f'.repeat(32);
  operator.start();
  await drilled.untilReason('PepperChanged');
  await operator.stop();
  env.VOTER_PEPPER = drilled.election.pepper;
  operator.start();
  await drilled.untilReady();
  expect([await drilled.counted(), await drilled.marks()]).toEqual(before);
});

drill(
  'an Election that was deleted by accident: applied again it goes on, with every vote',
  async (since) => {
    const { operator } = drilled.election;
    const before = await drilled.counted();
    await operator.stop();
    await drilled.deleteElection();
    drilled.forgetStatus();
    const meanwhile = await drilled.cast(drilled.newcomers(20), 'non');
    operator.start();
    await drilled.untilReady();
    await allRecorded(drilled.election.databaseUrl, meanwhile, 60_000);
    console.info(`Election: right again ${since()}`);
    expect(await drilled.counted()).toBe(before + 20);
    expect(await drilled.outcomes(saved.slice(0, 20), 'non')).toEqual({ duplicate: 20 });
  },
);
