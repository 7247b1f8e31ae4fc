import { hash } from 'node:crypto';
import { Agent } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import { pause } from '@scrutin/shared/retry.ts';
import { OPERATOR } from '../../scripts/cluster/install-operator.ts';
import { tallied, withDatabase } from '../support/tally-check.ts';
import { ask } from './support/client-request.ts';
import { freshNamespace, helm, removeNamespace } from './support/cluster.ts';
import { countFaults } from './support/count-faults.ts';
import { InstalledElection, openElection } from './support/installed-election.ts';
import { Ballots } from './support/planned-ballots.ts';
import { componentOf, podsOf, replacePod, untilGone } from './support/pods.ts';
import { idlePod, reachFaults, type Source, type Target } from './support/reach.ts';
import { ALL, NOTHING, objectsOf, onServers } from './support/remains.ts';
import { SteadyClients } from './support/steady-clients.ts';

const STAGES = ['ingestion', 'validation', 'aggregation', 'results'];
const SERVERS = ['redis', 'rabbitmq', 'postgresql'];
/**
 * Electors of each election; the first of them vote in peace, the others while pods come and go: enough for all the time that
 * a busy machine may take for that.
 */
const VOTERS = 40_000;
const IN_PEACE = 500;

/** Two of each stage, whatever the queue: who is asked must not go in between. */
const VALUES = {
  stages: { validation: { keda: { enabled: false }, replicas: 2 }, aggregation: { replicas: 2 } },
};

/** North's Election is applied by hand and retained; South's is its release's, closes early, and goes with its data. */
let north: InstalledElection;
let south: InstalledElection;
let northBallots: Ballots;
let southBallots: Ballots;

const say = (text: string) => process.stderr.write(`  ${text}\n`);

beforeAll(async () => {
  const release = async () => {
    const installed = await InstalledElection.install({ namespace: 'south', voters: VOTERS, values: VALUES });
    await installed.upgrade({ election: { spec: installed.spec({ reclaimPolicy: 'Delete' }) } });
    await installed.untilPhase('Open');
    return installed;
  };
  [north, south] = await Promise.all([
    openElection({ namespace: 'north', voters: VOTERS, values: VALUES }),
    release(),
  ]);
  [northBallots, southBallots] = [new Ballots(north), new Ballots(south)];
});

afterAll(async () => {
  await Promise.all([north?.remove(), south?.remove()]);
});

test('a vote in one election never shows in the other: its electors are strangers there, its ballots unknown', async () => {
  await northBallots.cast({ from: 0, to: IN_PEACE });
  await southBallots.cast({ from: 0, to: IN_PEACE });
  await southBallots.castOf(northBallots.electors.slice(0, 100));
  expect(await countFaults(north, northBallots.votes, northBallots.history)).toEqual([]);
  expect(await countFaults(south, southBallots.votes, southBallots.history)).toEqual([]);
  const { ballotId } = northBallots.history.find((one) => one.ballotId !== undefined)!;
  const status = async ({ resultsUrl }: InstalledElection) =>
    (await fetch(`${resultsUrl}/api/v1/ballots/${ballotId}`)).status;
  expect([await status(north), await status(south)]).toEqual([200, 404]);
});

test('policies hold: a stage reaches its servers and nothing else, a stranger nothing but what is public', async () => {
  const targets: Target[] = [];
  for (const election of [north, south]) {
    for (const pod of await podsOf(election.namespace, [...STAGES, ...SERVERS])) {
      const part = componentOf(pod);
      const name = `${election.name} ${part}`;
      for (const port of PORTS[part]!) {
        targets.push({ name: `${name}:${port}`, host: pod.status.podIP!, port });
        // With the dot at its end no other name is tried first.
        const service = `${election.name}-${part}.${election.namespace}.svc.cluster.local.`;
        if (!targets.some(({ host, port: known }) => host === service && known === port))
          targets.push({ name: `${name}:${port}`, host: service, port });
      }
    }
  }
  targets.push({ name: 'API server:443', host: 'kubernetes.default.svc.cluster.local.', port: 443 });
  const node = new URL(north.ingestionUrl).hostname;
  targets.push({ name: 'kubelet:10250', host: node, port: 10250 });

  const strangers = ['monitoring', 'strangers'];
  await Promise.all(strangers.map(freshNamespace));
  try {
    const ofStages = async (election: InstalledElection): Promise<Source[]> =>
      (await podsOf(election.namespace, STAGES)).map((pod) => {
        const own = `${election.name} ${componentOf(pod)}:`;
        return {
          name: `${pod.metadata.name} of ${election.name}`,
          namespace: election.namespace,
          pod: pod.metadata.name,
          reaches: (target) =>
            OF_STAGE[componentOf(pod)]!.some((part) => target === `${election.name} ${part}`),
          // No policy stands between a pod and itself, and kube-router lets a public stage's pods reach each other: it
          // asks a policy's rules for both directions whichever way a packet goes.
          mayReach: (target) => target.startsWith(own),
        };
      });
    const [operator] = await podsOf(OPERATOR.namespace, ['operator']);
    const stranger = async (namespace: string, name: string, labels: Record<string, string> = {}) => ({
      name: `${name} in ${namespace}`,
      namespace,
      pod: await idlePod(namespace, name, labels),
    });
    const anywhere = (part: string) => ['API server:443', 'kubelet:10250'].includes(part);
    const part = (target: string) => target.replace(/^(?:north|south) /, '');
    const sources: Source[] = [
      ...(await ofStages(north)),
      ...(await ofStages(south)),
      {
        name: 'the operator',
        namespace: OPERATOR.namespace,
        pod: operator!.metadata.name,
        reaches: (target) =>
          anywhere(target) ||
          [...PUBLIC, 'redis:6379', 'rabbitmq:15672', 'postgresql:5432'].includes(part(target)),
      },
      {
        ...(await stranger('monitoring', 'prometheus')),
        reaches: (target) =>
          anywhere(target) ||
          [...PUBLIC, 'validation:3002', 'aggregation:3003', 'rabbitmq:15692'].includes(part(target)),
      },
      ...(
        await Promise.all([
          stranger('strangers', 'somebody'),
          // Labels alone open nothing.
          stranger('strangers', 'impostor', { 'app.kubernetes.io/name': 'scrutin-operator' }),
          stranger(north.namespace, 'neighbour'),
        ])
      ).map((one) => ({
        ...one,
        reaches: (target: string) => anywhere(target) || PUBLIC.includes(part(target)),
      })),
      {
        ...(await stranger(north.namespace, 'unknown-part', { 'scrutin.dev/election': north.name })),
        reaches: () => false,
      },
    ];
    const { faults, allowed, refused } = await reachFaults(sources, targets);
    say(
      `${sources.length} pods tried ${targets.length} addresses each: ${allowed} reached, ${refused} refused`,
    );
    expect(faults).toEqual([]);
  } finally {
    await Promise.all([
      ...strangers.map(removeNamespace),
      north.kubectl('delete', 'pod', 'neighbour', 'unknown-part', '--ignore-not-found'),
    ]);
  }
});

const PUBLIC = ['ingestion:3001', 'results:3004'];
const OF_STAGE: Record<string, string[]> = {
  ingestion: ['redis:6379', 'rabbitmq:5672'],
  validation: ['redis:6379', 'rabbitmq:5672'],
  aggregation: ['rabbitmq:5672', 'postgresql:5432'],
  results: ['postgresql:5432'],
};
const PORTS: Record<string, number[]> = {
  ingestion: [3001],
  validation: [3002],
  aggregation: [3003],
  results: [3004],
  redis: [6379],
  rabbitmq: [5672, 15672, 15692],
  postgresql: [5432],
};

let closesAt: string;

test('voting ends at closesAt: what was sent before is accepted, what comes after is told that it is too late', async () => {
  closesAt = new Date(Date.now() + 75_000).toISOString();
  await south.upgrade({ election: { spec: south.spec({ reclaimPolicy: 'Delete', closesAt }) } });
  const end = Date.parse(closesAt);
  expect(Date.now()).toBeLessThan(end - 4_000);
  await pause(end - 4_000 - Date.now());
  const agent = new Agent({ keepAlive: true });
  const answers: { sent: number; seen: number; status: number }[] = [];
  for (const vote of southBallots.plan({ from: IN_PEACE, to: VOTERS })) {
    const sent = Date.now();
    if (sent > end + 4_000) break;
    const url = `${south.ingestionUrl}/api/v1/vote`;
    const headers = { 'content-type': 'application/json' };
    const { status, body } = await ask(url, { method: 'POST', body: vote.body, headers, agent });
    answers.push({ sent, seen: Date.now(), status });
    const answer = JSON.parse(body) as { request_id?: string; code?: string };
    if (status === 202) southBallots.add(vote, { status, body, ballotId: answer.request_id! });
    else expect({ status, code: answer.code }).toEqual({ status: 403, code: 'closed' });
    await pause(50);
  }
  agent.destroy();
  // Of those that were on their way when it closed either may be.
  const before = answers.filter(({ seen }) => seen < end).map(({ status }) => status);
  const after = answers.filter(({ sent }) => sent >= end).map(({ status }) => status);
  expect([new Set(before), new Set(after)]).toEqual([new Set([202]), new Set([403])]);
  await south.untilStatus(({ phase }) => phase === 'Draining' || phase === 'Closed');
});

/** Casts on the rest of North's electors while `work` goes on, and resolves with what clients saw that they shouldn't. */
let clients: SteadyClients | undefined;

test('a rolling upgrade of every stage under load refuses no request and cuts no connection', async () => {
  clients = SteadyClients.start({
    ingestionUrl: north.ingestionUrl,
    resultsUrl: north.resultsUrl,
    votes: northBallots.plan({ from: IN_PEACE, to: VOTERS }, 0.02),
    votesPerSecond: 40,
    readsPerSecond: 10,
  });
  await pause(2_000);
  const before = await podsOf(north.namespace, STAGES);
  const begun = Date.now();
  await north.upgrade({ podAnnotations: { 'scrutin.dev/round': '2' } });
  await untilGone(north.namespace, before);
  await pause(2_000);
  const { seen, faults } = clients.takeSeen();
  say(
    `${before.length} pods of the stages replaced in ${seconds(begun)} s; clients saw ${JSON.stringify(seen)}`,
  );
  expect(faults).toEqual([]);
  expect(clients.left).toBeGreaterThan(0);
}, 600_000);

test('the deletion of every pod in turn under load: a 503 at most, that a retry gets through', async () => {
  const parts = [...STAGES, ...SERVERS].map((component) => ({ namespace: north.namespace, component }));
  for (const { namespace, component } of [
    ...parts,
    { namespace: OPERATOR.namespace, component: 'operator' },
  ]) {
    const begun = Date.now();
    const pods = await podsOf(namespace, [component]);
    for (const pod of pods) await replacePod(namespace, pod);
    // Until those who were told to come back have done so: the next one's absence is not theirs.
    await clients!.untilServed();
    const { seen, faults } = clients!.takeSeen();
    say(`${component}, ${pods.length} replaced in ${seconds(begun)} s; clients saw ${JSON.stringify(seen)}`);
    expect({ component, faults }).toEqual({ component, faults: [] });
    // A stage has another pod that serves, or none that clients talk to: only a server's absence is theirs to notice.
    if (!SERVERS.includes(component))
      expect(Object.keys(seen).filter((key) => key.endsWith('503'))).toEqual([]);
  }
  expect(clients!.left).toBeGreaterThan(0);
}, 1_200_000);

test('through all of this no vote of theirs was lost or counted twice', async () => {
  northBallots.addAll(await clients!.finish());
  expect(await countFaults(north, northBallots.votes, northBallots.history)).toEqual([]);
  say(`${northBallots.history.length} votes, each counted as it was cast`);
}, 300_000);

test('the digest on the status is that of the file that results serves and of the tally in the database', async () => {
  const { digest, electorate } = await south.untilPhase('Closed');
  expect(await countFaults(south, southBallots.votes, southBallots.history)).toEqual([]);
  const counts = await south.withDatabaseUrl((url) => withDatabase(url, tallied));
  const document = resultDocument(
    { id: south.name, closesAt, laws: south.laws.map((id) => ({ id, title: { fr: '', en: '' } })) },
    electorate!.unique,
    Object.entries(counts).map(([lawId, count]) => ({ lawId, ...count })),
    true,
  );
  expect(digest).toBe(resultDigest(document));
  const file = await fetch(`${south.resultsUrl}/api/v1/results.json`);
  expect(hash('sha256', Buffer.from(await file.arrayBuffer()), 'hex')).toBe(digest);
});

test('helm uninstall removes the release’s Election with its data, and leaves the pepper, passwords and volumes', async () => {
  const begun = Date.now();
  await helm(['uninstall', south.name, '--namespace', south.namespace, '--timeout=4m']);
  say(`helm uninstall with reclaimPolicy Delete took ${seconds(begun)} s`);
  const left = [
    'persistentvolumeclaim/electorate',
    ...SERVERS.map((server) => `persistentvolumeclaim/data-${south.name}-${server}-0`).sort(),
    'secret/scrutin-pepper',
    `secret/${south.name}-servers`,
  ].sort();
  await untilEqual(() => objectsOf(south), left);
  // Its servers come back on their volumes.
  await south.reinstall();
  for (const server of SERVERS)
    await south.kubectl('rollout', 'status', `statefulset/${south.name}-${server}`, '--timeout=180s');
  expect(await onServers(south)).toEqual(NOTHING);
}, 600_000);

test('a deleted Election that is retained leaves all its data, and goes on when it is applied again', async () => {
  await north.kubectl('delete', 'election', north.name, '--timeout=120s');
  await pause(2_000);
  expect(await onServers(north)).toEqual(ALL);
  await north.applyElection();
  await north.untilPhase('Open');
  expect(await countFaults(north, northBallots.votes, northBallots.history)).toEqual([]);
}, 300_000);

test('one whose policy is Delete takes virtual host, database and Redis keys with it, and nothing else', async () => {
  // Pods and replica sets come and go of themselves.
  const lasting = async () => (await objectsOf(north)).filter((name) => !/^(?:pod|replicaset)/.test(name));
  const before = await lasting();
  await north.applyElection({ reclaimPolicy: 'Delete' });
  await north.untilStatus(({ observedGeneration }) => Number(observedGeneration) >= 2);
  const begun = Date.now();
  await north.kubectl('delete', 'election', north.name, '--timeout=180s');
  say(`deletion with reclaimPolicy Delete took ${seconds(begun)} s`);
  expect(await onServers(north)).toEqual(NOTHING);
  const ofElection = [`election.scrutin.dev/${north.name}`, `job.batch/${north.name}-load`];
  await untilEqual(
    lasting,
    before.filter((name) => !ofElection.includes(name)),
  );
}, 300_000);

const seconds = (since: number): string => ((Date.now() - since) / 1_000).toFixed(1);

/** Resolves when what is read is right; fails with what it is after four minutes. */
async function untilEqual(read: () => Promise<string[]>, right: readonly string[]): Promise<void> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    const found = await read();
    if (found.join() === right.join()) return;
    if (Date.now() > deadline) expect(found).toEqual(right);
    await pause(1_000);
  }
}
