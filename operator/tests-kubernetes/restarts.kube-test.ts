import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { createLog } from '@scrutin/shared/log.ts';
import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import { ElectionInformer } from '../src/kubernetes/election-informer.ts';
import { kubeClients } from '../src/kubernetes/kube-clients.ts';
import { kubeElectionSource } from '../src/kubernetes/kube-election-source.ts';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';
import { ElectionOnCluster } from './testing/election-on-cluster.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { grantOperator } from './testing/operator-rights.ts';

let cluster: Cluster;
let operators: OperatorProcess[];
let elections: ElectionOnCluster[];

beforeAll(async () => {
  cluster = await startCluster();
  await grantOperator(cluster, 'scrutin-operator');
});
afterAll(() => cluster?.stop());
beforeEach(() => {
  operators = [];
  elections = [];
});
afterEach(async () => {
  await Promise.all(operators.map((operator) => operator.end()));
  for (const election of elections) {
    await election.delete().catch(() => {});
    await election.remove();
  }
});

/** A kubeconfig by which the API server is reached through the proxy. */
function proxiedKubeconfig(proxy: TcpProxy, user: 'admin' | 'operator' = 'operator'): string {
  const path = cluster.servers.kubeconfig(user);
  const proxied = path.replace(/[^/]*$/, `proxied-${user}.kubeconfig`);
  const url = proxy.through(cluster.servers.url).replace(/\/$/, '');
  writeFileSync(proxied, readFileSync(path, 'utf8').replace(cluster.servers.url, url));
  return proxied;
}

function start(env: Record<string, string> = {}, kubeconfig = cluster.servers.kubeconfig('operator')) {
  const operator = new OperatorProcess(kubeconfig, env);
  operators.push(operator);
  return operator;
}

async function openElection(limitMs?: number): Promise<ElectionOnCluster> {
  const election = new ElectionOnCluster(cluster);
  elections.push(election);
  await election.prepare();
  await election.apply();
  await election.untilPhase('Open', limitMs);
  return election;
}

/** Resolves with the one that leads, once one of them does. */
const leader = (among: readonly OperatorProcess[], limitMs = 90_000): Promise<OperatorProcess> =>
  eventually(() => {
    const leading = among.filter(({ leads }) => leads);
    expect(leading).toHaveLength(1);
    return leading[0]!;
  }, limitMs);

const metric = async (operator: OperatorProcess, pattern: RegExp): Promise<number> =>
  Number(pattern.exec((await operator.get('/metrics')).text)?.[1] ?? 0);

test('an API server that is killed and comes back is followed again, and what was changed meanwhile is seen', async () => {
  const operator = start({ LEASE_DURATION_MS: '180000' });
  const election = await openElection();
  expect(await metric(operator, /^scrutin_operator_leader\{.*\} (\d)$/m)).toBe(1);
  for (let round = 0; round < 2; round++) {
    await cluster.servers.stopApiserver('SIGKILL');
    await election.ports.electorate.remove();
    await cluster.servers.startApiserver();
    await openElection();
  }
  await eventually(async () =>
    expect(await election.ports.electorate.published()).toMatchObject({ eligible: 3 }),
  );
  expect(operator.running).toBe(true);
  expect(operator.lines.filter(({ msg }) => msg === 'this process leads')).toHaveLength(1);
  expect(await metric(operator, /watch_ends_total\{.*why="failed".*\} (\d+)$/m)).toBeGreaterThanOrEqual(1);
});

test('a version that the API server has forgotten (410 Gone) leads to a new list', async () => {
  const proxy = await TcpProxy.to(cluster.servers.url);
  const operator = start({ LEASE_DURATION_MS: '180000' }, proxiedKubeconfig(proxy));
  try {
    const deleted = await openElection();
    const changed = await openElection();
    proxy.refuse();
    await deleted.delete();
    await changed.apply({ suspend: true });
    await cluster.servers.compact();
    await cluster.servers.stopApiserver('SIGKILL');
    await cluster.servers.startApiserver();
    proxy.pass();
    await changed.untilCondition('Ready', 'True', 'Suspended');
    expect(await metric(operator, /watch_ends_total\{.*why="gone".*\} (\d+)$/m)).toBe(1);
    expect(await metric(operator, /operator_elections\{.*phase="Open".*\} (\d+)$/m)).toBe(1);
  } finally {
    // While it can still give its lease back.
    await operator.end();
    await proxy.close();
  }
});

test('a connection that falls silent is given up, and what was missed is seen on another', async () => {
  const proxy = await TcpProxy.to(cluster.servers.url);
  const config = new KubeConfig();
  config.loadFromFile(proxiedKubeconfig(proxy, 'admin'));
  const ends: string[] = [];
  const informer = new ElectionInformer({
    source: kubeElectionSource(kubeClients(config, 2_000), undefined, 2_000),
    onChange: () => {},
    onWatchEnd: (why) => ends.push(why),
    log: createLog({ stage: 'test', level: 'silent' }),
  });
  try {
    await informer.start();
    proxy.freeze();
    const election = new ElectionOnCluster(cluster);
    elections.push(election);
    await election.prepare();
    await election.apply();
    await eventually(() => expect(ends.length).toBeGreaterThanOrEqual(2));
    expect(informer.get(`${election.namespace}/${election.name}`)).toBeUndefined();
    proxy.pass();
    await eventually(() => expect(informer.get(`${election.namespace}/${election.name}`)).toBeDefined());
    expect(ends).not.toContain('gone');
  } finally {
    await informer.stop();
    await proxy.close();
  }
});

test('of two operators one leads; whichever is killed, asked to end or frozen, the other goes on at once', async () => {
  const lease = { LEASE_DURATION_MS: '21000' };
  start(lease);
  start(lease);
  const election = await openElection();
  for (const how of ['SIGKILL', 'SIGTERM', 'freeze', 'SIGKILL'] as const) {
    const alive = operators.filter(({ running }) => running);
    const first = await leader(alive);
    const others = alive.filter((operator) => operator !== first);
    const begun = Date.now();
    if (how === 'freeze') first.freeze();
    else expect(await first.end(how)).toBe(how === 'SIGTERM' ? 0 : null);
    const second = await leader(others);
    // A lease that was given back is taken at the next look, within four seconds; one that was not has to run out first.
    if (how === 'SIGTERM') expect(Date.now() - begun).toBeLessThan(15_000);
    await election.ports.electorate.remove();
    await eventually(async () =>
      expect(await election.ports.electorate.published()).toMatchObject({ eligible: 3 }),
    );
    if (how === 'freeze') {
      first.thaw();
      await eventually(() => expect(first.leads).toBe(false));
      expect(second.leads).toBe(true);
    } else start(lease);
  }
  const { status, text } = await (await leader(operators)).get('/readyz');
  expect([status, text]).toEqual([200, '{"ready":true}']);
});

test('an operator that is killed at ten moments of an electorate’s load, whenever, ends in the same state', async () => {
  const election = new ElectionOnCluster(cluster);
  elections.push(election);
  await election.prepare(12_000);
  let operator = start();
  await election.apply({ electorate: { source: { configMap: { name: 'electorate' } }, batchSize: 50 } });
  for (let kill = 0; kill < 10; kill++) {
    // Within the first half second of its lead, in which everything is made and loaded.
    await leader([operator]);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
    await operator.end('SIGKILL');
    if (kill % 3 === 2) await election.ports.electorate.remove();
    operator = start();
  }
  const status = await election.untilPhase('Open');
  expect(status.electorate).toMatchObject({ processed: 12_000, unique: 12_000, duplicates: 0, errors: 0 });
  await eventually(async () =>
    expect(await election.ports.electorate.sound()).toMatchObject({ unique: 12_000 }),
  );
  expect(await election.ports.electorate.published()).toMatchObject({ eligible: 12_000 });
  expect(await election.ports.ledger.published()).toMatchObject({ phase: 'Open' });
  expect(status.conditions!.filter(({ status: is }) => is !== 'True')).toEqual([]);
});
