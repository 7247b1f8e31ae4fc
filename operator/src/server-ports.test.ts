import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { Redis } from 'ioredis';
import { Electorate, LoadInterrupted } from './electorate/electorate.ts';
import { filesSource } from './electorate/hash-source.ts';
import { silentLog } from './ledger/testing/fresh-ledger.ts';
import { SERVERS } from './local/testing/local-operator.ts';
import type { ElectorateProgress, Ports } from './reconcile/ports.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { OPENS_AT, testElection } from './reconcile/testing/election.ts';
import { type ServerAddresses, serverPorts } from './server-ports.ts';

const nobodyVoted = async function* () {};
let folder: string;
let electionId: string;
const opened: (Ports & { close(): Promise<void> })[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-ports-'));
  electionId = `t-${randomBytes(6).toString('hex')}`;
  const hashes = Array.from({ length: 30 }, () => randomBytes(32).toString('hex'));
  writeFileSync(join(folder, 'roll.txt'), [...hashes, hashes[0], 'damaged'].join('\n'));
});
afterEach(async () => {
  const ports = open();
  await Promise.all([ports.broker.remove(electionId), ports.electorate.remove(), ports.ledger.remove()]);
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

function open(addresses: Partial<ServerAddresses> = {}, pepper = '5e'.repeat(32)) {
  const ports = serverPorts({
    electionId,
    addresses: {
      redisUrl: SERVERS.REDIS_URL,
      rabbitmqManagementUrl: SERVERS.RABBITMQ_MANAGEMENT_URL,
      databaseUrl: electionDatabaseUrl(SERVERS.DATABASE_URL, electionId),
      ...addresses,
    },
    pepper: pepperFromHex(pepper),
    openSource: () => filesSource(folder),
    log: silentLog,
  });
  opened.push(ports);
  return ports;
}

/** As the reconciler does, which asks whether the servers are there before anything else. */
async function ready(pepper?: string) {
  const ports = open({}, pepper);
  await ports.electorate.ping();
  return ports;
}

describe('asking whether the servers are there', () => {
  it('is content before the election’s database is made', async () => {
    const { electorate, broker, ledger } = open();
    await Promise.all([electorate.ping(), broker.ping(), ledger.ping()]);
  });

  it('says in one sentence which server does not answer, without its password', async () => {
    const { electorate, ledger } = open({
      redisUrl: 'redis://:hush@127.0.0.1:1',
      databaseUrl: 'postgres://postgres:hush@127.0.0.1:1/postgres',
    });
    await expect(electorate.ping()).rejects.toMatchObject({
      reason: 'Unreachable',
      message: 'Redis does not answer; start it, or correct REDIS_URL',
    });
    await expect(ledger.ping()).rejects.toMatchObject({
      reason: 'Unreachable',
      message: 'PostgreSQL does not answer; start it, or correct DATABASE_URL',
    });
  });

  it('does not wait without bound for a server that takes the connection and says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const { electorate, ledger } = open({
      redisUrl: `redis://127.0.0.1:${port}`,
      databaseUrl: `postgres://postgres@127.0.0.1:${port}/postgres`,
    });
    // Together: whichever gives up first must not count as unhandled.
    const asked = [electorate.ping(), ledger.ping()];
    await Promise.all(asked.map((answer) => expect(answer).rejects.toMatchObject({ reason: 'Unreachable' })));
    silent.close();
  });

  it('tells a user whom PostgreSQL does not know from a server that is away', async () => {
    const url = new URL(electionDatabaseUrl(SERVERS.DATABASE_URL, electionId));
    url.username = 'nobody_here';
    const { ledger } = open({ databaseUrl: url.href });
    await expect(ledger.ping()).rejects.toMatchObject({ reason: 'AccessDenied', lasting: true });
  });
});

describe('the electorate', () => {
  it('is not sound before it is loaded, and then what the source holds', async () => {
    const { electorate } = await ready();
    expect(await electorate.sound()).toBeUndefined();
    const progress: ElectorateProgress[] = [];
    const election = testElection();
    const loaded = await electorate.load(election, {
      marks: nobodyVoted,
      onProgress: (step) => void progress.push(step),
    });
    const counts = { processed: 31, unique: 30, duplicates: 1, errors: 1 };
    expect(loaded).toMatchObject({ ...counts, source: await electorate.sourceDigest(election) });
    expect(loaded.samples).toEqual([expect.stringMatching(/^roll\.txt:32: /)]);
    expect(progress.at(-1)).toEqual({ processed: 31, errors: 1, share: 1 });
    expect(await electorate.sound()).toMatchObject({ ...counts, ownPepper: true, source: loaded.source });
  });

  it('is loaded by nobody else once this process loads it, whatever another had been allowed', async () => {
    const ports = await ready();
    await ports.loadGrants.give('a job', 1);
    const redis = new Redis(SERVERS.REDIS_URL);
    const job = new Electorate(redis, electionId, 'a job');
    const source = { layout: { shards: 1, bucketBits: 0 }, digest: 'ab'.repeat(32), pepperId: 'p' };
    try {
      await job.begin(source);
      await job.add([randomBytes(32)]);
      const loaded = await ports.electorate.load(testElection(), { marks: nobodyVoted });
      for (const work of [job.begin(source), job.add([randomBytes(32)]), job.checkpoint(2, 0), job.clear()])
        await expect(work).rejects.toThrow('this load is not granted');
      await expect(job.finish()).rejects.toBeInstanceOf(LoadInterrupted);
      expect(await ports.electorate.sound()).toMatchObject({ unique: 30, source: loaded.source });
      // One that was allowed and has yet to begin, when there is nothing left to load.
      await ports.loadGrants.give('a job', 1);
      await ports.electorate.endOtherLoads(testElection());
      await expect(job.begin(source)).rejects.toThrow('this load is not granted');
      expect(await ports.electorate.sound()).toMatchObject({ unique: 30 });
    } finally {
      redis.disconnect();
    }
  });

  it('that was made with another pepper is told', async () => {
    await (await ready()).electorate.load(testElection(), { marks: nobodyVoted });
    expect(await (await ready('a7'.repeat(32))).electorate.sound()).toMatchObject({ ownPepper: false });
  });

  it('that was made with another pepper is not touched once the election is open', async () => {
    const ports = { ...open(), now: () => OPENS_AT };
    expect((await reconcile(testElectionOf(electionId), ports, undefined)).status.phase).toBe('Open');
    const other = { ...open({}, 'a7'.repeat(32)), now: () => OPENS_AT };
    const { failure, status } = await reconcile(testElectionOf(electionId), other, undefined);
    expect(failure).toMatchObject({ reason: 'PepperChanged' });
    expect(status.phase).toBe('Open');
    expect(await ports.electorate.sound()).toMatchObject({ unique: 30, ownPepper: true });
  });
});

const testElectionOf = (name: string) => ({ ...testElection(), metadata: { name } });
