import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { StepError } from '../reconcile/conditions.ts';
import type { FakeServers } from '../reconcile/testing/fake-servers.ts';
import { ControllerUnderTest } from './testing/controller-under-test.ts';
import { openSpec } from './testing/open-spec.ts';

let under: ControllerUnderTest;
beforeEach(() => {
  under = new ControllerUnderTest();
});
afterEach(() => under.stop());

test('an Election that is applied is prepared and opened, with its Events, and written no more while it stays so', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(100);
  expect(under.phase('ns/a')).toBe('Open');
  expect(under.status('ns/a')).toMatchObject({ observedGeneration: 1, electorate: { unique: 3 } });
  expect(under.told('ns/a').map((text) => text.split(':')[0])).toEqual(
    expect.arrayContaining(['SchemaUpdated', 'TopologyMade', 'ElectorateLoaded', 'Open']),
  );
  const writes = under.statusWrites;
  await under.clock.advance(600_000);
  expect(under.statusWrites).toBe(writes);
});

test('it opens and closes by the clock, not by the resync', async () => {
  under.start();
  under.elections.put(
    'ns',
    'a',
    openSpec({ opensAt: '2027-01-01T00:00:07Z', closesAt: '2027-01-01T00:00:20Z' }),
  );
  await under.clock.advance(1_000);
  expect(under.phase('ns/a')).toBe('Scheduled');
  await under.clock.advance(6_100);
  expect(under.phase('ns/a')).toBe('Open');
  await under.clock.advance(13_000);
  expect(under.phase('ns/a')).toBe('Draining');
  await under.clock.advance(3_000);
  expect(under.phase('ns/a')).toBe('Closed');
  expect(under.status('ns/a').digest).toMatch(/^[0-9a-f]{64}$/);
});

test('what was lost on a server is put back at the resync', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(100);
  under.serversOf('ns/a').broker.made.delete('validation_queue');
  await under.clock.advance(35_000);
  expect(under.serversOf('ns/a').broker.made).toContain('validation_queue');
  expect(under.told('ns/a').join()).toContain('TopologyRepaired');
});

test('a wrong Secret is told on the Election, and mending it is noticed without a change of the Election', async () => {
  under.start();
  under.unavailable.set('ns/a', new StepError('SecretMissing', 'there is no Secret x; make it'));
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(5_000);
  expect(under.message('ns/a', 'ConnectionsReady')).toBe('there is no Secret x; make it');
  expect(under.told('ns/a')).toContain('SecretMissing: there is no Secret x; make it');
  under.unavailable.clear();
  await under.clock.advance(31_000);
  expect(under.phase('ns/a')).toBe('Open');
});

test('200 Elections at once are all opened, each by one reconciliation at a time, though 20 can’t be', async () => {
  const keys = Array.from({ length: 200 }, (_, i) => `ns/e${i}`);
  for (const [i, key] of keys.entries())
    if (i % 10 === 3) under.serversOf(key).fail('broker.ping', new Error('no broker'));
  for (const key of keys) under.elections.put('ns', key.slice(3), openSpec());
  under.start();
  await under.clock.advance(2_000);
  const phases = keys.map((key) => under.phase(key));
  expect(phases.filter((phase) => phase === 'Open')).toHaveLength(180);
  expect(phases.filter((phase) => phase === 'Pending')).toHaveLength(20);
  expect(under.overlaps).toBe(0);
  for (const servers of under.servers.values()) servers.heal();
  await under.clock.advance(31_000);
  expect(keys.every((key) => under.phase(key) === 'Open')).toBe(true);
});

test('an unexpected error is tried again with backoff, and others go on', async () => {
  under.start();
  const elections = under.elections;
  const write = elections.writeStatus.bind(elections);
  let refusals = 0;
  elections.writeStatus = async (election, status) => {
    if (election.metadata.name === 'a' && refusals++ < 3) throw new Error('etcd is slow');
    await write(election, status);
  };
  elections.put('ns', 'a', openSpec());
  elections.put('ns', 'b', openSpec());
  await under.clock.advance(100);
  expect(under.phase('ns/b')).toBe('Open');
  await under.clock.advance(10_000);
  expect(under.errors).toHaveLength(3);
  expect(under.phase('ns/a')).toBe('Open');
});

/** The first load of ns/a sees its Election's spec change. */
function changeWhileLoading(servers: FakeServers): void {
  let changed = false;
  servers.onLoading = () => {
    if (changed) return;
    changed = true;
    under.elections.put('ns', 'a', openSpec({ suspend: true }));
  };
}

test('a change of the spec cuts a load off that goes on for the old one', async () => {
  under.start();
  const servers = under.serversOf('ns/a');
  servers.source = { digest: 'ab'.repeat(32), voters: Array.from({ length: 50 }, (_, i) => `v${i}`) };
  changeWhileLoading(servers);
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(2_000);
  expect(servers.calls.filter((call) => call === 'electorate.load')).toHaveLength(2);
  expect(under.status('ns/a')).toMatchObject({ observedGeneration: 2, phase: 'Open' });
  expect(under.told('ns/a').join()).not.toContain('Interrupted');
});

test('what a look had done that a change of the spec cut off is told, once', async () => {
  under.start();
  const servers = under.serversOf('ns/a');
  changeWhileLoading(servers);
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(2_000);
  expect(under.status('ns/a')).toMatchObject({ observedGeneration: 2, phase: 'Open' });
  const told = under.told('ns/a').map((text) => text.split(':')[0]);
  expect(told).toEqual(['SchemaUpdated', 'TopologyMade', 'ElectorateLoaded', 'Open']);
});

test('an Election that is deleted and made anew under its name is a new one', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(100);
  under.elections.delete('ns/a');
  under.elections.put('ns', 'a', openSpec());
  await under.clock.advance(100);
  expect(under.phase('ns/a')).toBe('Open');
  expect(under.forgotten).toHaveLength(1);
});

test('a process that leads no more writes nothing, whatever it had begun', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec());
  const servers = under.serversOf('ns/a');
  servers.afterCall = (call) => {
    if (call === 'ledger.migrate') under.leads = false;
  };
  await under.clock.advance(60_000);
  expect(servers.writes).toEqual(['ledger.migrate']);
  expect(under.status('ns/a')).toEqual({});
});

test('a term ends within seconds though neither the API server nor the servers answer any more', async () => {
  const never = () => new Promise<never>(() => {});
  under.elections.list = never;
  under.closing = never;
  under.start();
  await under.clock.advance(100);
  const before = under.clock.monotonic();
  let ended: number | undefined;
  await Promise.all([
    under.stop(),
    under.whenEnded().then(() => {
      ended = under.clock.monotonic() - before;
    }),
  ]);
  expect(ended).toBeLessThanOrEqual(4_000);
});
