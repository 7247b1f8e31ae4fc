import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';
import { ElectionOnCluster } from './testing/election-on-cluster.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { grantOperator } from './testing/operator-rights.ts';

/** Events of an Election that opens at once. */
const STEPS = ['SchemaUpdated', 'TopologyMade', 'ElectorateLoaded', 'Open'];

let cluster: Cluster;
let operator: OperatorProcess;
let election: ElectionOnCluster;
let elections: ElectionOnCluster[];

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
  elections = [];
  election = await prepared();
});
afterEach(async () => {
  for (const each of elections) await each.remove();
});

/** Its lease outlasts what a busy machine makes it wait: who takes a lease anew may tell an Event twice. It is given back at the end. */
const start = () =>
  new OperatorProcess(cluster.servers.kubeconfig('operator'), { LEASE_DURATION_MS: '60000' });

async function prepared(voters?: number): Promise<ElectionOnCluster> {
  const made = new ElectionOnCluster(cluster);
  elections.push(made);
  await made.prepare(voters);
  return made;
}

test('kubectl apply is all it takes: servers are prepared, voters loaded, and each step is told', async () => {
  await election.apply();
  const status = await election.untilPhase('Open');
  expect(status).toMatchObject({
    observedGeneration: 1,
    electorate: { processed: 3, unique: 3, duplicates: 0, errors: 0 },
    votes: 0,
    turnout: '0.00%',
  });
  expect(status.conditions!.map(({ type, status: is }) => `${type} ${is}`).sort()).toEqual([
    'ConnectionsReady True',
    'ElectorateLoaded True',
    'Ready True',
    'SchemaReady True',
    'SpecAccepted True',
    'TopologyReady True',
  ]);
  expect(await election.ports.electorate.published()).toMatchObject({ id: election.name, eligible: 3 });
  for (const reason of STEPS)
    expect(await election.untilEvent(reason)).toMatchObject({ type: 'Normal', count: 1 });
  const { out } = await cluster.kubectl(['get', 'el', '-n', election.namespace]);
  expect(out).toMatch(new RegExp(`${election.name} +Open +3 +0 +0.00%`));
});

test('an Election of which nothing changes is not written again', async () => {
  await election.apply();
  await election.untilPhase('Open');
  // They are written side by side: none of them may come after the look.
  for (const reason of STEPS) await election.untilEvent(reason);
  const { resourceVersion } = (await election.read())!.metadata;
  const events = await election.events();
  expect(events.map(({ reason }) => reason).sort()).toEqual([...STEPS].sort());
  const reconciled = async () => {
    const { text } = await operator.get('/metrics');
    return Number(/^scrutin_operator_reconciles_total\{.*result="done".*\} (\d+)$/m.exec(text)?.[1]);
  };
  const before = await reconciled();
  await eventually(async () => expect(await reconciled()).toBeGreaterThan(before + 1));
  expect((await election.read())!.metadata.resourceVersion).toBe(resourceVersion);
  expect(await election.events()).toEqual(events);
});

test('a wrong Secret’s name is a condition and an Event that say what to do, and making the Secret mends it', async () => {
  await election.apply({ connectionSecretName: 'elsewhere' });
  const { message, reason } = await election.untilCondition('ConnectionsReady', 'False');
  // The operator may read no Secret but those that it was granted, so it can't even tell that this one isn't there.
  expect(reason).toBe('SecretForbidden');
  expect(message).toContain(`Secret elsewhere in namespace ${election.namespace}`);
  expect(message).toContain('spec.connectionSecretName');
  expect(await election.untilEvent('SecretForbidden')).toMatchObject({ type: 'Warning', message });
  expect((await election.status()).phase).toBe('Pending');
  await election.apply({ connectionSecretName: 'scrutin-connections' });
  await election.untilPhase('Open');
});

test('a Secret that is missing, incomplete, or wrong is told apart, and nothing secret is told', async () => {
  const { namespace } = election;
  await cluster.kubectl(['delete', 'secret', 'scrutin-pepper', '-n', namespace]);
  await election.apply();
  expect((await election.untilCondition('ConnectionsReady', 'False', 'SecretMissing')).message).toContain(
    `there is no Secret scrutin-pepper in namespace ${namespace}`,
  );
  await election.applyObjects(election.secret('scrutin-pepper', { VOTER_PEPPER: 'hunter2' }));
  const { message } = await election.untilCondition('ConnectionsReady', 'False', 'SecretIncomplete');
  expect(message).toContain('VOTER_PEPPER');
  expect(message).not.toContain('hunter2');
  await election.applyObjects(election.secret('scrutin-pepper', { VOTER_PEPPER: '5e'.repeat(32) }));
  await election.untilPhase('Open');
});

test('a server that is away is told by name; a corrected Secret is taken up without a restart', async () => {
  await election.applyObjects(
    election.secret('scrutin-connections', {
      ...election.connections,
      DATABASE_URL: electionDatabaseUrl('postgres://postgres@127.0.0.1:1/postgres', election.name),
    }),
  );
  await election.apply();
  const { message } = await election.untilCondition('ConnectionsReady', 'False', 'Unreachable');
  expect(message).toBe('PostgreSQL does not answer; start it, or correct DATABASE_URL');
  await election.applyObjects(election.secret('scrutin-connections', election.connections));
  await election.untilPhase('Open');
});

test('a status that somebody has taken away or changed is written again', async () => {
  await election.apply();
  await election.untilPhase('Open');
  const patch = (status: object) =>
    cluster.kubectl([
      ...['patch', 'election', election.name, '-n', election.namespace],
      ...['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })],
    ]);
  expect((await patch({ phase: 'Closed', votes: 99 })).code).toBe(0);
  const mended = await election.untilPhase('Open');
  expect(mended.votes).toBe(0);
});

test('one Election that can’t be carried out does not hold back another', async () => {
  const others = await Promise.all([prepared(), prepared(), prepared()]);
  await election.applyObjects(
    election.secret('scrutin-connections', {
      ...election.connections,
      // An address that swallows everything: nothing is refused, nothing answers.
      REDIS_URL: 'redis://192.0.2.1:6379',
      DATABASE_URL: electionDatabaseUrl('postgres://postgres@192.0.2.1:5432/postgres', election.name),
    }),
  );
  await election.apply();
  await Promise.all(others.map((other) => other.apply()));
  await Promise.all(others.map((other) => other.untilPhase('Open')));
  await election.untilCondition('ConnectionsReady', 'False', 'Unreachable');
});

test('what is deleted on the servers is put back, and told as a repair', async () => {
  await election.apply();
  await election.untilPhase('Open');
  await election.ports.electorate.remove();
  await election.ports.broker.remove(election.name);
  await election.untilEvent('ElectorateRepaired');
  expect(await election.untilEvent('TopologyRepaired')).toMatchObject({ type: 'Warning' });
  expect(await election.ports.electorate.published()).toMatchObject({ eligible: 3 });
});

test('the election closes on time, and the result with its digest is on the resource', async () => {
  await election.apply();
  await election.untilPhase('Open');
  await election.apply({ closesAt: new Date(Date.now() + 5_000).toISOString() });
  const closed = await election.untilPhase('Closed');
  expect(closed.results).toEqual([{ lawId: 'loi-1', oui: 0, non: 0, total: 0 }]);
  expect(closed.digest).toMatch(/^[0-9a-f]{64}$/);
  expect((await election.ports.ledger.closed())?.digest).toBe(closed.digest);
  await election.untilEvent('Closed');
});

test('two Elections of one name on the same servers: the older one keeps them', async () => {
  await election.apply();
  await election.untilPhase('Open');
  const double = new ElectionOnCluster(cluster, election.name, `${election.name}-b`);
  try {
    await double.prepare(5);
    await double.apply({ reclaimPolicy: 'Delete' });
    const { message } = await double.untilCondition('ConnectionsReady', 'False', 'NameTaken');
    expect(message).toContain(`Election ${election.namespace}/${election.name} uses the same servers`);
    // Also to a process that has seen neither before.
    await operator.end();
    operator = start();
    await double.apply({ reclaimPolicy: 'Delete', recordClients: true });
    await double.untilStatus(({ observedGeneration }) => observedGeneration === 2);
    expect((await double.status()).phase).not.toBe('Open');
    await double.delete();
    await double.untilGone();
    expect(await election.ports.electorate.published()).toMatchObject({ eligible: 3 });
    expect((await election.status()).phase).toBe('Open');
  } finally {
    await double.ports.close();
  }
});
