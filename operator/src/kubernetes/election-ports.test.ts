import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLog } from '@scrutin/shared/log.ts';
import { testElection } from '../reconcile/testing/election.ts';
import type { RawElection } from './election-informer.ts';
import { ElectionPorts } from './election-ports.ts';
import type { KubeClients } from './kube-clients.ts';
import { FakeObjects } from './testing/fake-objects.ts';

const election = testElection();
const raw: RawElection = {
  metadata: { name: 'test', namespace: 'default', uid: 'u', resourceVersion: '1' },
};

/** Takes connections in Redis' place, and answers nothing. */
let redis: Server;
let objects: FakeObjects;
let ports: ElectionPorts;
beforeEach(async () => {
  redis = createServer((socket) => void socket.resume().on('error', () => {}));
  await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve));
  objects = await FakeObjects.start();
  // Nobody listens at port 1.
  objects.putSecret('scrutin-connections', {
    REDIS_URL: `redis://127.0.0.1:${(redis.address() as AddressInfo).port}`,
    RABBITMQ_URL: 'amqp://127.0.0.1:1',
    RABBITMQ_MANAGEMENT_URL: 'http://127.0.0.1:1',
    DATABASE_URL: 'postgres://owner@127.0.0.1:1/scrutin_test',
  });
  objects.putSecret('scrutin-pepper', { VOTER_PEPPER: '5e'.repeat(32) });
  const log = createLog({ stage: 'test', level: 'silent' });
  ports = new ElectionPorts({ core: objects.core } as KubeClients, undefined, log);
});
afterEach(async () => {
  await ports.close();
  await objects.stop();
  await new Promise((resolve) => redis.close(resolve));
});

test('what can’t be named is told by the first question to it, and mended without a new start', async () => {
  objects.remove('secrets', 'scrutin-pepper');
  const lacking = await ports.open(election, raw, []);
  await expect(lacking.ports.broker.ping()).rejects.toMatchObject({ reason: 'SecretMissing' });
  objects.putSecret('scrutin-pepper', { VOTER_PEPPER: '5e'.repeat(32) });
  const whole = await ports.open(election, raw, []);
  await expect(whole.ports.broker.ping()).rejects.toMatchObject({ reason: 'Unreachable' });
});

test('connections are kept until a Secret is changed', async () => {
  const { ports: first } = await ports.open(election, raw, []);
  expect((await ports.open(election, raw, [])).ports).toBe(first);
  objects.putSecret('scrutin-pepper', { VOTER_PEPPER: 'e5'.repeat(32) });
  expect((await ports.open(election, raw, [])).ports).not.toBe(first);
});

test('an Election that is being deleted after its Secrets is still reached', async () => {
  const { ports: first } = await ports.open(election, raw, []);
  objects.remove('secrets', 'scrutin-connections');
  const deleted = { ...raw, metadata: { ...raw.metadata, deletionTimestamp: '2027-01-01T00:00:00Z' } };
  expect((await ports.open(election, deleted, [])).ports).toBe(first);
});

test('a source that takes the question and never answers is left when the look at the Election is cut off', async () => {
  const cut = new AbortController();
  const silent = createServer((socket) =>
    socket.on('error', () => {}).once('data', () => cut.abort(new Error('the Election was changed'))),
  );
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/roll.txt`;
  const elsewhere = testElection({ electorate: { source: { http: { url } } } });
  const opened = await ports.open(elsewhere, raw, []);
  const { electorate } = opened.ports;
  try {
    await expect(electorate.sourceDigest(elsewhere, cut.signal)).rejects.toThrow('does not answer');
    const load = electorate.load(elsewhere, { marks: async function* () {}, signal: cut.signal });
    await expect(load).rejects.toThrow('does not answer');
  } finally {
    opened.release();
    await new Promise((resolve) => silent.close(resolve));
  }
});

test('an Election that is deleted when an older one has come to its servers touches nothing there', async () => {
  const { ports: own } = await ports.open(election, raw, []);
  const deleted = {
    ...raw,
    metadata: {
      ...raw.metadata,
      creationTimestamp: '2027-01-01T00:00:00Z',
      deletionTimestamp: '2027-01-02T00:00:00Z',
    },
  };
  const older: RawElection = {
    ...election,
    metadata: { ...raw.metadata, uid: 'o', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: { phase: 'Open' },
  };
  const opened = await ports.open(election, deleted, [older, deleted]);
  expect(opened.ports).not.toBe(own);
  await expect(opened.ports.electorate.remove()).rejects.toMatchObject({ reason: 'NameTaken' });
  // Its connections are closed, not kept until the process ends.
  await expect(own.ledger.counts()).rejects.toThrow('after calling end');
});

test('an Election that is deleted while an older one’s servers can’t be told still cleans up what it had', async () => {
  const { ports: own } = await ports.open(election, raw, []);
  const metadata = { ...raw.metadata, creationTimestamp: '2027-01-01T00:00:00Z' };
  const deleted = { ...raw, metadata: { ...metadata, deletionTimestamp: '2027-01-02T00:00:00Z' } };
  const older: RawElection = {
    metadata: { ...raw.metadata, namespace: 'b', uid: 'o', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: { phase: 'Open' },
  };
  expect((await ports.open(election, deleted, [older, deleted])).ports).toBe(own);
});

test('what was being opened when all was closed is not opened any more', async () => {
  const late = ports.open(election, raw, []);
  await ports.close();
  await expect(late).rejects.toThrow('the connections are closed');
});
