import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { virtualHost } from '@scrutin/shared/topology.ts';
import { FINALIZER } from '../src/kubernetes/election-names.ts';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';
import { ElectionOnCluster, SERVERS } from './testing/election-on-cluster.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { grantOperator } from './testing/operator-rights.ts';

let cluster: Cluster;
let operator: OperatorProcess;
let election: ElectionOnCluster;

beforeAll(async () => {
  cluster = await startCluster();
  await grantOperator(cluster, 'scrutin-operator');
  operator = start();
});
afterAll(async () => {
  await operator?.end();
  await cluster?.stop();
});
beforeEach(async () => {
  election = new ElectionOnCluster(cluster);
  await election.prepare();
});
afterEach(() => election.remove());

const start = () =>
  new OperatorProcess(cluster.servers.kubeconfig('operator'), { CLEANUP_TIMEOUT_MS: '5000' });

/** What is left of the election on the three servers. */
async function left(): Promise<string[]> {
  const { username, password, origin } = new URL(SERVERS.RABBITMQ_MANAGEMENT_URL);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const host = encodeURIComponent(virtualHost(election.name));
  const { status } = await fetch(`${origin}/api/vhosts/${host}`, { headers: { authorization } });
  return [
    ...(status === 200 ? ['virtual host'] : []),
    ...((await election.ports.electorate.published()) ? ['electorate'] : []),
    ...((await election.ports.ledger.published()) ? ['database'] : []),
  ];
}

test('a deleted Election takes everything with it if it was made so', async () => {
  await election.apply({ reclaimPolicy: 'Delete' });
  await election.untilPhase('Open');
  expect((await election.read())!.metadata.finalizers).toEqual([FINALIZER]);
  expect(await left()).toEqual(['virtual host', 'electorate', 'database']);
  await election.delete();
  await election.untilGone();
  expect(await left()).toEqual([]);
});

test('by default everything is kept, and nothing holds the Election', async () => {
  await election.apply();
  await election.untilPhase('Open');
  expect((await election.read())!.metadata.finalizers ?? []).toEqual([]);
  await election.delete();
  await election.untilGone(1_000);
  expect(await left()).toEqual(['virtual host', 'electorate', 'database']);
});

test('a policy that is changed puts the finalizer on, and takes it off', async () => {
  await election.apply();
  await election.untilPhase('Open');
  await election.apply({ reclaimPolicy: 'Delete' });
  await eventually(async () => expect((await election.read())!.metadata.finalizers).toEqual([FINALIZER]));
  await election.apply({ reclaimPolicy: 'Retain' });
  await eventually(async () => expect((await election.read())!.metadata.finalizers ?? []).toEqual([]));
});

test('its Secrets may go before it, as when a namespace is deleted', async () => {
  await election.apply({ reclaimPolicy: 'Delete' });
  await election.untilPhase('Open');
  await cluster.kubectl(['delete', 'secret', '--all', '-n', election.namespace]);
  await election.delete();
  await election.untilGone();
  expect(await left()).toEqual([]);
});

test('an Election whose servers are gone for good is let go after a while, and an Event says what is left', async () => {
  await election.apply({ reclaimPolicy: 'Delete' });
  await election.untilPhase('Open');
  const away = { ...election.connections, RABBITMQ_MANAGEMENT_URL: 'http://guest:guest@127.0.0.1:1' };
  await election.applyObjects(election.secret('scrutin-connections', away));
  // Before the operator can know of it: it holds the Election for at least five seconds from its first try on.
  const begun = Date.now();
  await election.delete();
  await election.untilGone();
  expect(Date.now() - begun).toBeGreaterThan(4_000);
  expect((await election.untilEvent('CleanupAbandoned')).message).toContain('RabbitMQ');
  expect(await election.untilEvent('CleanupFailed')).toMatchObject({ type: 'Warning' });
  // The others were there, and are cleaned up.
  expect(await left()).toEqual(['virtual host']);
});

test('an Election that was never right is deleted as easily, also by an operator that starts later', async () => {
  await cluster.kubectl(['delete', 'secret', '--all', '-n', election.namespace]);
  await election.apply({ reclaimPolicy: 'Delete' });
  await election.untilCondition('ConnectionsReady', 'False', 'SecretMissing');
  await operator.end('SIGKILL');
  await election.delete();
  expect(await election.read()).toBeDefined();
  operator = start();
  await election.untilGone();
  await election.untilEvent('CleanupAbandoned');
});
