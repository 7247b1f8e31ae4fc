import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { V1Job } from '@kubernetes/client-node';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { Redis } from 'ioredis';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';
import { ElectionOnCluster, hashLines, SERVERS } from './testing/election-on-cluster.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { grantNamespace, grantOperator } from './testing/operator-rights.ts';
import { StandInKubelet } from './testing/stand-in-kubelet.ts';

const IMAGE = 'registry.example/scrutin:test';

let cluster: Cluster;
let operator: OperatorProcess;
let election: ElectionOnCluster;
let kubelet: StandInKubelet;
let folder: string;

beforeAll(async () => {
  cluster = await startCluster();
  await grantOperator(cluster, 'scrutin-operator');
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-rolls-'));
  mkdirSync(join(folder, 'hashes'));
  election = new ElectionOnCluster(cluster);
  await election.prepare();
  kubelet = new StandInKubelet({ cluster, namespace: election.namespace, volumes: { rolls: folder } });
  operator = start();
});
afterEach(async () => {
  await operator.end();
  await kubelet.stop();
  await election.delete().catch(() => {});
  await election.remove();
  rmSync(folder, { recursive: true, force: true });
});

const start = () => new OperatorProcess(cluster.servers.kubeconfig('operator'), { LOADER_IMAGE: IMAGE });

/** An electorate on the volume. */
const fromVolume = (electorate: object = {}) => ({
  electorate: { source: { persistentVolumeClaim: { claimName: 'rolls', path: 'hashes' } }, ...electorate },
});

const putRoll = (text: string, name = 'roll.txt') => writeFileSync(join(folder, 'hashes', name), text);

const jobs = async (): Promise<V1Job[]> =>
  (await cluster.clients.batch.listNamespacedJob({ namespace: election.namespace })).items;

/** So many hashes, a line each, at once. */
function manyHashes(voters: number): string {
  const digits = randomBytes(32 * voters).toString('hex');
  const lines: string[] = [];
  for (let at = 0; at < digits.length; at += 64) lines.push(digits.slice(at, at + 64));
  return `${lines.join('\n')}\n`;
}

test('an electorate on a volume is loaded by a Job of the Election, with no right on the cluster', async () => {
  putRoll(`${hashLines(2_000)}not a hash\n`);
  await election.apply(fromVolume());
  const status = await election.untilPhase('Open');
  expect(status.electorate).toMatchObject({ processed: 2_000, unique: 2_000, duplicates: 0, errors: 1 });
  const [job] = await jobs();
  expect(job!.metadata!.ownerReferences).toMatchObject([
    { kind: 'Election', name: election.name, controller: true },
  ]);
  const { automountServiceAccountToken, securityContext, containers } = job!.spec!.template.spec!;
  expect(automountServiceAccountToken).toBe(false);
  expect(securityContext).toMatchObject({ runAsNonRoot: true });
  expect(containers[0]).toMatchObject({ image: IMAGE, securityContext: { readOnlyRootFilesystem: true } });
  // Secrets are named, never copied.
  expect(JSON.stringify(job)).not.toContain('5e5e5e5e');
  expect((await election.untilEvent('ElectorateDamaged')).message).toContain('roll.txt:2001');
});

test('1,000,000 voters: from apply to Open within two minutes, with progress on the status meanwhile', async () => {
  putRoll(manyHashes(1_000_000));
  await eventually(() => expect(operator.leads).toBe(true));
  const begun = performance.now();
  await election.apply(fromVolume());
  const progress: number[] = [];
  const status = await election.untilStatus(({ phase, electorate }) => {
    if (phase === 'Preparing' && electorate && electorate.processed !== progress.at(-1))
      progress.push(electorate.processed);
    return phase === 'Open';
  }, 240_000);
  const seconds = (performance.now() - begun) / 1000;
  process.stderr.write(
    `apply → Open with 1,000,000 voters: ${seconds.toFixed(1)} s; progress ${progress.join(', ')}\n`,
  );
  expect(status.electorate).toMatchObject({
    processed: 1_000_000,
    unique: 1_000_000,
    duplicates: 0,
    errors: 0,
  });
  expect(await election.ports.electorate.published()).toMatchObject({ eligible: 1_000_000 });
  expect(progress.filter((processed) => processed > 0 && processed < 1_000_000).length).toBeGreaterThan(0);
  // A machine of two cores takes a tenth of that.
  expect(seconds).toBeLessThan(120);
}, 300_000);

test('a load whose pod and operator are killed goes on where it was, and ends the same', async () => {
  putRoll(manyHashes(300_000));
  // Small batches: it must not come to its end between two looks.
  await election.apply(fromVolume({ batchSize: 200 }));
  for (let kill = 0; kill < 3; kill++) {
    await eventually(async () => {
      expect(kubelet.running).toBe(1);
      const { state, processed } = await election.ports.electorateState();
      expect(state === 'ready' || processed > kill * 10_000).toBe(true);
    });
    kubelet.kill();
    await operator.end('SIGKILL');
    operator = start();
  }
  const status = await election.untilPhase('Open');
  expect(status.electorate).toMatchObject({ processed: 300_000, unique: 300_000 });
  expect(kubelet.started).toBeGreaterThanOrEqual(3);
  expect(await election.ports.electorate.sound()).toMatchObject({ unique: 300_000 });
});

test('another source before the opening: the load of the first one ends, and only the second counts', async () => {
  putRoll(manyHashes(200_000));
  mkdirSync(join(folder, 'second'));
  writeFileSync(join(folder, 'second', 'roll.txt'), hashLines(700));
  const opensAt = new Date(Date.now() + 600_000).toISOString();
  await election.apply({ ...fromVolume({ batchSize: 500 }), opensAt });
  await eventually(() => expect(kubelet.started).toBe(1));
  const source = { persistentVolumeClaim: { claimName: 'rolls', path: 'second' } };
  await election.apply({ electorate: { source }, opensAt });
  const status = await election.untilPhase('Scheduled');
  expect(status.electorate).toMatchObject({ unique: 700 });
  expect(kubelet.running).toBe(0);
  expect(await election.ports.electorate.sound()).toMatchObject({ unique: 700 });
});

test('a ConfigMap in the place of a volume that is being loaded: the Job is removed, and its pod writes nothing more', async () => {
  putRoll(manyHashes(300_000));
  const opensAt = new Date(Date.now() + 600_000).toISOString();
  await election.apply({ ...fromVolume({ batchSize: 500 }), opensAt });
  await eventually(async () =>
    expect((await election.ports.electorateState()).processed).toBeGreaterThan(1_000),
  );
  kubelet.cutOff = true;
  await election.apply({ opensAt });
  const status = await election.untilStatus(
    ({ phase, observedGeneration }) => phase === 'Scheduled' && observedGeneration === 2,
  );
  expect(status.electorate).toMatchObject({ unique: 3 });
  expect(await jobs()).toEqual([]);
  // Nobody has ended it: it finds out by itself.
  await eventually(() => expect(kubelet.running).toBe(0));
  expect(await election.ports.electorate.sound()).toMatchObject({ unique: 3 });
});

test('a Job that has yet to begin is removed when its Election is back at the source that is loaded already', async () => {
  putRoll(hashLines(2_000));
  const opensAt = new Date(Date.now() + 600_000).toISOString();
  await election.apply({ opensAt });
  await election.untilPhase('Scheduled');
  kubelet.full = true;
  await election.apply({ ...fromVolume(), opensAt });
  await eventually(async () => expect(await jobs()).toHaveLength(1));
  await election.apply({ opensAt });
  await election.untilStatus(
    ({ phase, observedGeneration }) => phase === 'Scheduled' && observedGeneration === 3,
  );
  expect(await jobs()).toEqual([]);
  const redis = new Redis(SERVERS.REDIS_URL);
  try {
    // What its pod would need, if it came after all.
    expect(await redis.keys(redisKeys.grant(election.name, '*'))).toEqual([]);
  } finally {
    redis.disconnect();
  }
  expect(await election.ports.electorate.sound()).toMatchObject({ unique: 3 });
});

test('an electorate that is lost is loaded by the Job again; other files are refused once voting has begun', async () => {
  putRoll(hashLines(500));
  await election.apply(fromVolume());
  await election.untilPhase('Open');
  await election.ports.electorate.remove();
  await election.untilEvent('ElectorateRepaired');
  await eventually(async () =>
    expect(await election.ports.electorate.sound()).toMatchObject({ unique: 500 }),
  );
  putRoll(hashLines(500));
  await election.ports.electorate.remove();
  const { message } = await election.untilCondition('ElectorateLoaded', 'False', 'ElectorateChanged');
  expect(message).toContain('put them back');
  expect(await election.ports.electorate.sound()).toBeUndefined();
});

test('what a Job finds wrong is told on the Election: an absent path, an empty roll', async () => {
  await election.apply(fromVolume());
  const missing = await election.untilCondition('ElectorateLoaded', 'False');
  expect(missing.message).toMatch(/hashes: there is no \.json or \.txt file in this folder/);
  putRoll(hashLines(10));
  await election.untilPhase('Open');
});

test('a pod that can’t start is told, and the load goes on when it can', async () => {
  putRoll(hashLines(10));
  kubelet.full = true;
  await election.apply(fromVolume());
  const waiting = await election.untilCondition('ElectorateLoaded', 'False', 'LoadJobWaiting', 180_000);
  expect(waiting.message).toContain('waits: no pod of it runs yet');
  kubelet.full = false;
  await election.untilPhase('Open');
});

test('a pod that starts when its Election has been deleted and cleaned up leaves nothing in Redis', async () => {
  putRoll(hashLines(2_000));
  kubelet.full = true;
  await election.apply({ ...fromVolume(), reclaimPolicy: 'Delete' });
  await eventually(async () => expect(await jobs()).toHaveLength(1));
  await election.delete();
  await election.untilGone();
  // Nobody collects what the Election owned here; on a cluster the pod may have been cut off from whoever does.
  kubelet.full = false;
  await eventually(async () => expect((await jobs())[0]!.status?.failed).toBe(1));
  const redis = new Redis(SERVERS.REDIS_URL);
  try {
    expect(await redis.keys(`${redisKeys.shard(election.name, '*')}*`)).toEqual([]);
  } finally {
    redis.disconnect();
  }
});

test('a checksum that doesn’t fit is told with both, and the right file is taken', async () => {
  const roll = hashLines(10);
  let served = `${roll}x`;
  const server = createServer((request, response) => {
    if (request.headers.authorization === 'Bearer roll') response.end(served);
    else response.writeHead(401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const sha256 = (await import('node:crypto')).hash('sha256', roll);
  const url = `http://127.0.0.1:${port}/roll.txt`;
  try {
    await election.applyObjects(election.secret('roll-access', { authorization: 'Bearer roll' }));
    await grantNamespace(cluster, election.namespace, [
      'scrutin-connections',
      'scrutin-pepper',
      'roll-access',
    ]);
    await election.apply({
      electorate: { source: { http: { url, sha256, authSecretName: 'roll-access' } } },
    });
    const { message } = await election.untilCondition('ElectorateLoaded', 'False', 'ChecksumMismatch');
    expect(message).toContain(sha256);
    served = roll;
    const status = await election.untilPhase('Open');
    expect(status.electorate).toMatchObject({ unique: 10 });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
