import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { QUEUES, virtualHost } from '@scrutin/shared/topology.ts';
import pg from 'pg';
import { expectedCounts, planVotes } from '../../load-tests/plan-votes.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import { wrongStatuses } from '../support/ballot-groups.ts';
import { ElectionUnderTest } from '../support/election-under-test.ts';
import { allRecorded, duplicateAttempts, tallied, withDatabase } from '../support/tally-check.ts';
import type { RabbitmqNode } from './rabbitmq-cluster.ts';
import { ReplicatedServers } from './replicated-servers.ts';
import { type Cost, SteadyVotes } from './steady-votes.ts';
import { until } from './until.ts';

const PER_SECOND = Number(process.env.REPLICATED_VOTES_PER_SECOND ?? 200);
const VOTERS = 20_000;
const LAWS = ['loi-1', 'loi-2'];
/** A machine that is busy starts and elects slowly. */
const PATIENCE = 90_000;

let servers: ReplicatedServers;
let election: ElectionUnderTest;
let load: SteadyVotes;
const costs: Record<string, Cost> = {};

beforeAll(async () => {
  servers = await ReplicatedServers.start();
  election = await ElectionUnderTest.start({
    urls: servers.urls,
    voters: VOTERS,
    laws: LAWS,
    spec: { electorate: { source: { persistentVolumeClaim: { claimName: 'roll' } }, shards: 3 } },
    env: { REDIS_CLUSTER_NODES: servers.redis.addresses, LOG_LEVEL: 'info' },
    readyMs: PATIENCE,
  });
  const { votes } = planVotes({
    electors: election.electors,
    laws: LAWS,
    valid: VOTERS * LAWS.length,
    repeats: 0.05,
    ineligible: 0.02,
  });
  load = new SteadyVotes(election.ingestion.url, election.databaseUrl, votes, PER_SECOND);
  await until('votes are recorded', () => load.recorded > PER_SECOND, PATIENCE);
}, 300_000);

afterAll(async () => {
  await load?.stop();
  await election?.stop();
  await servers?.stop();
  election?.discardFolder();
  console.table(costs);
}, 120_000);

/** All that is accepted at this moment, and some more, is recorded. */
async function allGoesOn(): Promise<void> {
  const accepted = load.accepted + PER_SECOND;
  await until('votes go on being accepted and recorded', () => load.recorded >= accepted, PATIENCE);
}

/** Of a server's loss this must hold: no client is without an answer for long, and all goes on. */
async function bear(name: string, loss: () => Promise<void>): Promise<Cost> {
  const cost = await load.cost(async () => {
    await loss();
    await allGoesOn();
  });
  costs[name] = cost;
  return cost;
}

test('every queue has a copy on each of the three nodes', async () => {
  for (const queue of Object.values(QUEUES))
    await until(
      `${queue} has three copies`,
      async () => (await servers.rabbitmq.copiesOf(virtualHost(election.id), queue)) === 3,
      PATIENCE,
    );
}, 120_000);

/** Kills a RabbitMQ node, starts it again, and waits until it has its copies. */
async function bearRabbitmq(name: string, node: RabbitmqNode): Promise<void> {
  await bear(`RabbitMQ: ${name}`, () => node.process.end());
  await bear(`RabbitMQ: ${name}, back`, async () => {
    node.process.start();
    await servers.rabbitmq.answers(node);
  });
  await until(
    'it has its copy of the queue again',
    async () => (await servers.rabbitmq.copiesOf(virtualHost(election.id), QUEUES.validation)) === 3,
    PATIENCE,
  );
}

test('the loss of the RabbitMQ node that leads the votes’ queue is borne', async () => {
  await bearRabbitmq(
    'node that leads',
    await servers.rabbitmq.leaderOf(virtualHost(election.id), QUEUES.validation),
  );
}, 300_000);

test('the loss of the RabbitMQ node that ingestion is connected to is borne', async () => {
  const connected = () => servers.rabbitmq.nodeOf(virtualHost(election.id), 'ingestion');
  await until(
    'the API knows ingestion’s connection',
    async () => (await connected()) !== undefined,
    PATIENCE,
  );
  await bearRabbitmq('node of ingestion', (await connected())!);
}, 300_000);

test('the loss of a Redis primary is borne: its replica takes its place', async () => {
  await until('Redis is whole', () => servers.redis.whole(), PATIENCE);
  const primary = await servers.redis.primaryOf(redisKeys.meta(election.id, 1));
  await bear('Redis: primary', () => primary.process.end());
  await bear('Redis: it comes back', async () => {
    primary.process.start();
    await servers.redis.answers(primary);
  });
  await until('Redis is whole again', () => servers.redis.whole(), PATIENCE);
}, 300_000);

test('the loss of PostgreSQL’s replica is borne', async () => {
  await until('commits wait for the replica', () => servers.postgres.inStep(), PATIENCE);
  await bear('PostgreSQL: replica', () => servers.postgres.replica.process.end());
  await bear('PostgreSQL: it comes back', () => servers.postgres.startReplica());
  await until('commits wait for the replica again', () => servers.postgres.inStep(), PATIENCE);
}, 300_000);

test('the loss of PostgreSQL’s primary is borne: its replica takes its place', async () => {
  const { primary } = servers.postgres;
  await bear('PostgreSQL: primary', () => primary.process.end());
  expect(servers.postgres.primary).not.toBe(primary);
  await bear('PostgreSQL: a new replica', () => servers.postgres.makeReplica());
  await until('commits wait for the new replica', () => servers.postgres.inStep(), PATIENCE);
}, 300_000);

test('after all of it every accepted vote is counted exactly once', async () => {
  await load.stop();
  const { history } = load;
  const statuses = await allRecorded(election.databaseUrl, history, PATIENCE);
  expect(wrongStatuses(history, statuses)).toEqual([]);
  // Of a repeat and its first one of the two may not have been sent any more: either is then the one that counts.
  const parts = Map.groupBy(
    history.filter(({ vote }) => vote.elector !== undefined),
    ({ vote }) => `${vote.elector} ${vote.lawId}`,
  );
  const first = [...parts.values()].map(([cast]) => ({ ...cast!.vote, kind: 'valid' as const }));
  expect(await withDatabase(election.databaseUrl, tallied)).toEqual(expectedCounts(first));
  const again = [...parts.values()].reduce((sum, ballots) => sum + ballots.length - 1, 0);
  expect(await withDatabase(election.databaseUrl, duplicateAttempts)).toEqual(Array(again).fill(1));
  const pool = new pg.Pool({ connectionString: election.databaseUrl, max: 1 });
  expect(await new Ledger(pool).invariants().finally(() => pool.end())).toEqual({ ok: true, problems: [] });
}, 180_000);
