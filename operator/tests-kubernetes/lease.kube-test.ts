import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeLeaseStore } from '../src/kubernetes/kube-lease-store.ts';
import type { LeaseRecord } from '../src/kubernetes/lease-store.ts';
import { type Cluster, eventually, startCluster } from './testing/cluster.ts';

const CANDIDATE = fileURLToPath(new URL('./testing/candidate.ts', import.meta.url));

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const store = (name = 'hand-over') => new KubeLeaseStore(cluster.clients.coordination, 'default', name);

describe('a Lease on the API server', () => {
  const at = (ms: number) => new Date(Date.UTC(2027, 0, 1) + ms);
  const record = (holder: string): LeaseRecord => ({
    holder,
    durationSeconds: 15,
    acquiredAt: at(0),
    renewedAt: at(1_234),
    transitions: 2,
  });

  test('is read as it was written, to the millisecond', async () => {
    expect(await store('kept').read()).toBeUndefined();
    const created = await store('kept').create(record('a'));
    expect(created!.record).toEqual(record('a'));
    expect(await store('kept').read()).toEqual(created);
  });

  test('is created by one of two, and replaced only by who has seen its last state', async () => {
    const [a, b] = await Promise.all([
      store('one').create(record('a')),
      store('one').create({ ...record('b') }),
    ]);
    expect([a, b].filter(Boolean)).toHaveLength(1);
    const first = (a ?? b)!;
    const second = await store('one').replace(first, record('c'));
    expect(second!.record.holder).toBe('c');
    expect(await store('one').replace(first, record('d'))).toBeUndefined();
    expect((await store('one').read())!.record.holder).toBe('c');
  });

  test('that is nobody’s is written with an empty holder', async () => {
    const created = await store('empty').create(record('a'));
    const given = await store('empty').replace(created!, { ...record(''), durationSeconds: 1 });
    expect(given!.record).toMatchObject({ holder: '', durationSeconds: 1 });
  });
});

/** How many led at the same time, going by what they said. */
function mostAtOnce(lines: readonly string[]): number {
  let now = 0;
  return Math.max(...lines.map((line) => (line.endsWith(' leads') ? ++now : --now)));
}

describe('of two processes', () => {
  /** What the candidates said, in the order in which it came. */
  let said: string[];
  let children: Map<string, ChildProcess>;
  beforeEach(() => {
    said = [];
    children = new Map();
  });
  afterEach(async () => {
    await Promise.all([...children.keys()].map((name) => end(name, 'SIGKILL')));
    const name = 'hand-over';
    await cluster.clients.coordination.deleteNamespacedLease({ name, namespace: 'default' });
  });

  /** With a lease that a leader can renew in time also where the API server keeps it waiting for seconds. */
  function stand(name: string, leaseMs = 15_000): void {
    const env = { ...process.env, KUBECONFIG: cluster.servers.kubeconfig() };
    const child = spawn(process.execPath, [CANDIDATE, name, String(leaseMs)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.set(name, child);
    createInterface({ input: child.stdout! }).on('line', (line) => said.push(`${name} ${line}`));
  }

  async function end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = children.get(name)!;
    children.delete(name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  const hears = (line: string) => eventually(() => expect(said).toContain(line));

  test('the other leads when one is killed, each in its turn, and the lease counts the changes', async () => {
    stand('a');
    await hears('a leads');
    for (const [leader, next] of ['ab', 'bc', 'cd', 'de']) {
      stand(next!);
      await eventually(async () => expect((await store().read())!.record.holder).toBe(leader));
      await end(leader!, 'SIGKILL');
      const killedAt = Date.now();
      await hears(`${next} leads`);
      // Not before the dead one's fifteen seconds have passed, less what had passed since its last renewal.
      expect(Date.now() - killedAt).toBeGreaterThan(2_000);
    }
    expect(said).toEqual(['a leads', 'b leads', 'c leads', 'd leads', 'e leads']);
    const lease = await store().read();
    expect(lease!.record).toMatchObject({ holder: 'e', transitions: 4 });
  });

  test('the other leads at once when one is asked to end', async () => {
    stand('a', 60_000);
    await hears('a leads');
    stand('b', 60_000);
    await eventually(async () => expect((await store().read())!.record.holder).toBe('a'));
    const asked = Date.now();
    await end('a', 'SIGTERM');
    await hears('b leads');
    // Given back: it did not have to run out.
    expect(Date.now() - asked).toBeLessThan(40_000);
    expect(said).toEqual(['a leads', 'a leads no more', 'b leads']);
  });

  test('one that was frozen past its lease doesn’t lead on when it wakes up', async () => {
    stand('a');
    await hears('a leads');
    stand('b');
    children.get('a')!.kill('SIGSTOP');
    await hears('b leads');
    children.get('a')!.kill('SIGCONT');
    await hears('a leads no more');
    expect((await store().read())!.record.holder).toBe('b');
  });

  test('the leader stops when the API server is gone, and one leads again when it is back', async () => {
    stand('a');
    await hears('a leads');
    stand('b');
    await cluster.servers.stopApiserver('SIGKILL');
    await hears('a leads no more');
    const before = said.length;
    await cluster.servers.startApiserver();
    await eventually(() => expect(said.slice(before).some((line) => line.endsWith(' leads'))).toBe(true));
    expect(mostAtOnce(said)).toBe(1);
  });
});
