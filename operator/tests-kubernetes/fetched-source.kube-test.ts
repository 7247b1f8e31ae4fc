import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ElectionStatus } from '../src/election-resource.ts';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';
import { ElectionOnCluster, hashLines } from './testing/election-on-cluster.ts';
import { HashServer } from './testing/hash-server.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { grantNamespace, grantOperator } from './testing/operator-rights.ts';

const MILLION = 1_000_000;

let cluster: Cluster;
let operator: OperatorProcess | undefined;
let election: ElectionOnCluster;
let server: HashServer;

beforeAll(async () => {
  cluster = await startCluster();
  await grantOperator(cluster, 'scrutin-operator');
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  operator = undefined;
  server = await HashServer.start();
  election = new ElectionOnCluster(cluster);
  await election.prepare();
});
afterEach(async () => {
  // So that the next one finds the lease given back.
  await operator?.end();
  await election.delete().catch(() => {});
  await election.remove();
  await server.stop();
});

function startOperator(): void {
  operator = new OperatorProcess(cluster.servers.kubeconfig('operator'));
}
const http = (more: object = {}) => ({ electorate: { source: { http: { url: server.url, ...more } } } });

/** Collects what the status says of the electorate until the election is open. */
async function watchLoad(limitMs: number): Promise<{ seen: Partial<ElectionStatus>[]; ms: number }> {
  const begun = Date.now();
  const seen: Partial<ElectionStatus>[] = [];
  await election.untilStatus((status) => {
    seen.push(status);
    return status.phase === 'Open';
  }, limitMs);
  return { seen, ms: Date.now() - begun };
}

test('without an image for Jobs the operator loads from an address itself, with progress to see', async () => {
  // Small batches, so that the load takes some seconds on any machine.
  server.text = hashLines(MILLION);
  startOperator();
  await election.apply({
    electorate: { source: { http: { url: server.url } }, batchSize: 200 },
  });
  const { seen } = await watchLoad(240_000);
  expect(seen.at(-1)!.electorate).toMatchObject({ processed: MILLION, unique: MILLION });
  const between = seen.filter(
    ({ electorate: { processed = 0 } = {} }) => processed > 0 && processed < MILLION,
  );
  expect(between.length).toBeGreaterThan(0);
}, 300_000);

test('an address that refuses, and the Secret with what it asks for', async () => {
  server.text = hashLines(10);
  server.answer = (request, response) => {
    if (request.headers.authorization === 'Bearer s3cret') return false;
    response.writeHead(401).end();
    return true;
  };
  await election.applyObjects(election.secret('roll-access', { authorization: 'Bearer s3cret' }));
  await grantNamespace(cluster, election.namespace, ['scrutin-connections', 'scrutin-pepper', 'roll-access']);
  startOperator();
  await election.apply(http());
  const { message } = await election.untilCondition('ElectorateLoaded', 'False', 'SourceRefused');
  expect(message).toContain('answers 401');
  await election.apply(http({ authSecretName: 'roll-access' }));
  await election.untilPhase('Open');
});

test('an operator that is killed at ten moments of a load of a million voters ends in the same state', async () => {
  server.text = hashLines(MILLION);
  startOperator();
  await election.apply(http({ sha256: server.sha256 }));
  for (let kill = 0; kill < 10; kill++) {
    await eventually(() => expect(operator!.leads).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2_000));
    await operator!.end('SIGKILL');
    startOperator();
  }
  const status = await election.untilPhase('Open', 240_000);
  expect(status.electorate).toMatchObject({ processed: MILLION, unique: MILLION, duplicates: 0, errors: 0 });
  expect(await election.ports.electorate.sound()).toMatchObject({ unique: MILLION });
  expect(await election.ports.electorate.published()).toMatchObject({ eligible: MILLION });
}, 600_000);
