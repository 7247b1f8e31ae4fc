import { loadavg } from 'node:os';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { within } from '@scrutin/shared/testing/within.ts';
import { QUEUES, virtualHost } from '@scrutin/shared/topology.ts';
import { expectedCounts, planVotes } from '../../load-tests/plan-votes.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import { settle } from '../faults/settle.ts';
import { wrongStatuses } from '../support/ballot-groups.ts';
import { ElectionUnderTest } from '../support/election-under-test.ts';
import { allRecorded, duplicateAttempts, recordedStatuses, tallied } from '../support/tally-check.ts';
import { inTurn } from './in-turn.ts';
import { LOOK } from './look.ts';
import type { RabbitmqNode } from './rabbitmq-cluster.ts';
import { ReplicatedServers } from './replicated-servers.ts';
import { ballotIdOf, settledHistory } from './settled-history.ts';
import { type Cost, type SteadyVote, SteadyVotes } from './steady-votes.ts';
import { openPool, withClient } from './with-client.ts';

const PER_SECOND = Number(process.env.REPLICATED_VOTES_PER_SECOND ?? 200);
/** Votes for a quarter of an hour, which a run on a busy machine may need. */
const LAWS = ['loi-1', 'loi-2', 'loi-3', 'loi-4'];
const VOTERS = Math.ceil((PER_SECOND * 900) / LAWS.length);
/** Milliseconds for each thing that is waited for: a machine that is busy starts and elects slowly. */
const PATIENCE = 90_000;
/** More than all waits of a test together, so that it is the wait that fails and says what it was for. */
jest.setTimeout(1_200_000);

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
  load = new SteadyVotes({
    url: election.ingestion.url,
    databaseUrl: election.databaseUrl,
    votes,
    perSecond: PER_SECOND,
  });
  await until('votes are recorded', () => load.recorded > PER_SECOND, PATIENCE);
});

/** Each test begins with all nodes there and in step, whatever the one before it has left. */
beforeEach(async () => {
  await servers.rabbitmq.mend(virtualHost(election.id), Object.values(QUEUES), PATIENCE);
  await servers.redis.mend(PATIENCE);
  await servers.postgres.mend(PATIENCE);
});

afterAll(async () => {
  console.table(costs);
  console.log(`load average of the last 1, 5 and 15 minutes: ${loadavg().map(Math.round).join(', ')}`);
  await inTurn(
    () => load?.stop(),
    () => election && endStages(),
    () => servers?.stop(),
  );
});

/** In order, or by SIGKILL if that takes too long. */
async function endStages(): Promise<void> {
  try {
    await within('the stages end in order', election.stop(), PATIENCE);
  } catch (error) {
    await Promise.all(election.stages.map((stage) => stage.stop('SIGKILL')));
    throw error;
  }
}

/** All that is accepted at this moment, and some more, is recorded. */
async function allGoesOn(): Promise<void> {
  const accepted = load.accepted + PER_SECOND;
  const goOn = () => {
    if (load.left === 0) throw new Error('there are no votes left to cast');
    return load.recorded >= accepted;
  };
  await until('votes go on being accepted and recorded', goOn, PATIENCE);
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
    expect(await servers.rabbitmq.copiesOf(virtualHost(election.id), queue)).toBe(3);
});

/** Kills a RabbitMQ node and starts it again. */
async function bearRabbitmq(name: string, node: RabbitmqNode): Promise<void> {
  await bear(`RabbitMQ: ${name}`, () => node.process.end());
  await bear(`RabbitMQ: ${name}, back`, async () => {
    node.process.start();
    await servers.rabbitmq.answers(node);
  });
}

test('the loss of the RabbitMQ node that leads the votes’ queue is borne', async () => {
  let leader: RabbitmqNode | undefined;
  const known = async () => {
    leader = await servers.rabbitmq.leaderOf(virtualHost(election.id), QUEUES.validation);
    return true;
  };
  await until('the API knows the queue’s leader', known, PATIENCE, LOOK);
  await bearRabbitmq('node that leads', leader!);
});

test('the loss of the RabbitMQ node that ingestion is connected to is borne', async () => {
  let connected: RabbitmqNode | undefined;
  const known = async () => {
    connected = await servers.rabbitmq.nodeOf(virtualHost(election.id), 'ingestion');
    return connected !== undefined;
  };
  await until('the API knows ingestion’s connection', known, PATIENCE, LOOK);
  await bearRabbitmq('node of ingestion', connected!);
});

test('the loss of a Redis primary is borne: its replica takes its place', async () => {
  const primary = await servers.redis.primaryOf(redisKeys.meta(election.id, 1));
  await bear('Redis: primary', () => primary.process.end());
  await bear('Redis: it comes back', async () => {
    primary.process.start();
    await servers.redis.answers(primary);
  });
  await until('Redis is whole again', () => servers.redis.whole(), PATIENCE, LOOK);
});

test('the loss of PostgreSQL’s replica is borne', async () => {
  await bear('PostgreSQL: replica', () => servers.postgres.replica.process.end());
  await bear('PostgreSQL: it comes back', () => servers.postgres.startReplica());
  await until('commits wait for the replica again', () => servers.postgres.inStep(), PATIENCE, LOOK);
});

test('the loss of PostgreSQL’s primary is borne: its replica takes its place', async () => {
  const { primary } = servers.postgres;
  const lose = await servers.postgres.holdBack();
  // Enough votes for many a commit, of which the replica knows nothing: none may have been taken for done.
  const accepted = load.accepted + PER_SECOND;
  await until('votes are accepted while nothing is replicated', () => load.accepted >= accepted, PATIENCE);
  await bear('PostgreSQL: primary', lose);
  expect(servers.postgres.primary).not.toBe(primary);
  await bear('PostgreSQL: a new replica', () => servers.postgres.makeReplica());
  await until('commits wait for the new replica', () => servers.postgres.inStep(), PATIENCE, LOOK);
});

/** The last one, for it ends the votes. Alone it checks an election that has lost no node. */
test('after all of it every accepted vote is counted exactly once', async () => {
  await load.stop();
  const statuses = await within(
    'all accepted ballots are on record',
    allRecorded(election.databaseUrl, load.history, 2 * PATIENCE),
    2 * PATIENCE + 30_000,
  );
  const atRest = () => settle(election, PATIENCE).then(() => true);
  await until('the election comes to rest', atRest, 2 * PATIENCE, LOOK);
  await withClient(election.databaseUrl, async (client) => {
    for (const [id, status] of await recordedStatuses(client)) statuses.set(id, status);
  });
  const idOf = (cast: SteadyVote) => ballotIdOf(election, cast);
  for (const cast of load.history) expect([0, 202]).toContain(cast.status);
  // Of those that have an answer it is known, so that of the others it is right.
  const answered = load.history.filter(({ status }) => status === 202);
  expect(answered.map(idOf)).toEqual(answered.map(({ ballotId }) => ballotId));
  const unknown = load.history.length - answered.length;
  if (unknown > 0) console.log(`${unknown} of ${load.history.length} votes got no answer up to the end`);

  const history = settledHistory(load.history, statuses, idOf);
  expect(wrongStatuses(history, statuses)).toEqual([]);
  expect(statuses.size).toBe(history.length);
  // Of a repeat and its first one of the two may not have been sent any more: either is then the one that counts.
  const parts = Map.groupBy(
    history.filter(({ vote }) => vote.elector !== undefined),
    ({ vote }) => `${vote.elector} ${vote.lawId}`,
  );
  const first = [...parts.values()].map(([cast]) => ({ ...cast!.vote, kind: 'valid' as const }));
  const again = [...parts.values()].reduce((sum, ballots) => sum + ballots.length - 1, 0);
  await withClient(election.databaseUrl, async (client) => {
    expect(await tallied(client)).toEqual(expectedCounts(first));
    expect(await duplicateAttempts(client)).toEqual(Array(again).fill(1));
  });
  const pool = openPool(election.databaseUrl);
  expect(await new Ledger(pool).invariants().finally(() => pool.end())).toEqual({ ok: true, problems: [] });
});
