import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { publishedElection } from '@scrutin/shared/testing/published-election.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import {
  type DecidedVote,
  decidedVoteSchema,
  decodeVotes,
  encodeVotes,
  type PendingVote,
} from '@scrutin/shared/vote-message.ts';
import { Redis } from 'ioredis';
import { slices } from './outcome.ts';
import { ElectorateFixture } from './testing/electorate-fixture.ts';
import { Worker } from './testing/worker.ts';

const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

let redis: Redis;
let vhost: VirtualHost;
let election: ElectorateFixture;
let workers: Worker[] = [];

beforeAll(() => {
  redis = new Redis(REDIS_URL);
});
beforeEach(async () => {
  vhost = await VirtualHost.create();
  election = await ElectorateFixture.create(redis, 300, { shards: 2, bucketBits: 3 });
  await publishElection();
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
  workers = [];
  await election.remove();
  await vhost.remove();
});
afterAll(() => redis.disconnect());

async function publishElection(): Promise<void> {
  const document = publishedElection({ id: election.id, eligible: 300, layout: election.layout });
  await redis.set(redisKeys.election(election.id), JSON.stringify(document));
}

async function work(count = 1): Promise<void> {
  const env = { RABBITMQ_URL: vhost.url, ELECTION_ID: election.id };
  for (let i = 0; i < count; i++) workers.push(await Worker.start(env));
}

function cast(votes: readonly PendingVote[], perMessage = 10): void {
  for (const slice of slices(votes, perMessage))
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, encodeVotes(slice), { persistent: true });
}

const decided: DecidedVote[] = [];

/** Waits for so many outcomes for the tally and returns all. */
async function outcomes(atLeast: number): Promise<DecidedVote[]> {
  decided.length = 0;
  await until(
    `${atLeast} votes are decided`,
    async () => {
      for (const { content } of await vhost.drain(QUEUES.aggregation))
        decided.push(...decodeVotes(content, decidedVoteSchema).votes);
      return decided.length >= atLeast;
    },
    60_000,
  );
  return [...decided];
}

const tally = (votes: readonly DecidedVote[]) =>
  Object.fromEntries(
    Object.entries(Object.groupBy(votes, ({ status }) => status)).map(([status, list]) => [
      status,
      list!.length,
    ]),
  );

describe('a validation worker', () => {
  it('forwards every vote with its decision, and leaves the queue empty', async () => {
    const firsts = election.voters.map((_, i) => election.ballot(i));
    const seconds = firsts.slice(0, 40).map((_, i) => election.ballot(i));
    const strangers = Array.from({ length: 25 }, () => election.ballot('stranger'));
    cast([...firsts, ...strangers, ...seconds]);
    await work();
    const votes = await outcomes(365);
    expect(tally(votes)).toEqual({ validated: 300, duplicate: 40, invalid: 25 });
    const ids = (list: readonly { ballot_id: string }[]) => list.map(({ ballot_id }) => ballot_id).sort();
    expect(ids(votes.filter(({ status }) => status === 'validated'))).toEqual(ids(firsts));
    expect(ids(votes.filter(({ status }) => status === 'duplicate'))).toEqual(ids(seconds));
    expect(await workers[0]!.stop()).toBe(0);
    expect(await vhost.ready(QUEUES.validation)).toBe(0);
    expect(await vhost.ready(QUEUES.review)).toBe(0);
  }, 90_000);

  it('holds votes while the electorate is being loaded, and decides them when it is ready', async () => {
    await election.setState('loading');
    cast(election.voters.map((_, i) => election.ballot(i)));
    await work();
    await until('the batch is held', () => workers[0]!.output.includes('a batch is held'), 60_000);
    expect(await vhost.ready(QUEUES.aggregation)).toBe(0);
    await election.setState('ready');
    expect(tally(await outcomes(300))).toEqual({ validated: 300 });
  }, 90_000);

  it('gives a redelivered vote its first decision after a crash (P3)', async () => {
    const votes = election.voters.flatMap((_, i) => [election.ballot(i), election.ballot(i)]);
    cast(votes, 5);
    await work(2);
    const early = await outcomes(20);
    await workers[0]!.stop('SIGKILL');
    await work();
    const seen = new Map(early.map((vote) => [vote.ballot_id, vote.status]));
    while (seen.size < votes.length)
      for (const { ballot_id, status } of await outcomes(1)) {
        expect(status).toBe(seen.get(ballot_id) ?? status);
        seen.set(ballot_id, status);
      }
    for (let i = 0; i < votes.length; i += 2)
      expect([seen.get(votes[i]!.ballot_id), seen.get(votes[i + 1]!.ballot_id)].sort()).toEqual([
        'duplicate',
        'validated',
      ]);
  }, 90_000);

  it('is alive, ready and healthy, and counts what it decides', async () => {
    await work();
    const [worker] = workers as [Worker];
    await until('it is healthy', async () => (await worker.get('/health')).status === 200, 60_000);
    for (const path of ['/livez', '/readyz', '/api/v1/health'])
      expect((await worker.get(path)).status).toBe(200);
    const { dependencies } = JSON.parse((await worker.get('/health')).text);
    expect(Object.keys(dependencies).sort()).toEqual(['election', 'rabbitmq', 'redis']);
    cast([election.ballot(0), election.ballot(0), election.ballot('stranger')]);
    await outcomes(3);
    // They are counted once the broker has confirmed them, which is after they can be read.
    let text = '';
    await until('they are counted', async () => {
      ({ text } = await worker.get('/metrics'));
      return /^scrutin_votes_decided_total\{.*outcome="invalid".*\} 1$/m.test(text);
    });
    for (const outcome of ['validated', 'duplicate', 'invalid'])
      expect(text).toMatch(new RegExp(`^scrutin_votes_decided_total\\{.*outcome="${outcome}".*\\} 1$`, 'm'));
  }, 90_000);

  it('writes no voter hash and no choice to its log (P5)', async () => {
    const votes = election.voters.slice(0, 50).map((_, i) => election.ballot(i));
    cast(votes);
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, Buffer.from('{"votes": "broken"'));
    await work();
    await outcomes(50);
    await until('the broken message is in review', async () => (await vhost.ready(QUEUES.review)) === 1);
    await workers[0]!.stop();
    const { output } = workers[0]!;
    expect(output).toContain('validation works');
    for (const { voter } of votes) expect(output).not.toContain(voter);
    expect(output).not.toMatch(/"(?:oui|non)"/);
  }, 90_000);

  it('ends with code 2 and one line when a setting is wrong', async () => {
    const worker = await Worker.start({ REDIS_URL: 'http://nowhere', ELECTION_ID: 'demo' });
    expect(await worker.ended).toBe(2);
    expect(worker.output).toMatch(/^validation: REDIS_URL: must be a URL that starts with redis/);
  }, 60_000);
});
