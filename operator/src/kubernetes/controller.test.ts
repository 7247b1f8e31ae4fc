import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { StepError } from '../reconcile/conditions.ts';
import { FINALIZER } from './election-names.ts';
import { ControllerUnderTest } from './testing/controller-under-test.ts';

const title = { fr: 'Loi', en: 'Act' };
/** The clock begins in 2027. */
const spec = (changes: object = {}) => ({
  title,
  laws: [{ id: 'loi-1', title }],
  opensAt: '2026-01-01T00:00:00Z',
  closesAt: '2028-01-01T00:00:00Z',
  electorate: { source: { configMap: { name: 'electorate' } } },
  ...changes,
});

let under: ControllerUnderTest;
beforeEach(() => {
  under = new ControllerUnderTest();
});
afterEach(() => under.stop());

test('an Election that is applied is prepared and opened, with its Events, and written no more while it stays so', async () => {
  under.start();
  under.elections.put('ns', 'a', spec());
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
  under.elections.put('ns', 'a', spec({ opensAt: '2027-01-01T00:00:07Z', closesAt: '2027-01-01T00:00:20Z' }));
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
  under.elections.put('ns', 'a', spec());
  await under.clock.advance(100);
  under.serversOf('ns/a').broker.made.delete('validation_queue');
  await under.clock.advance(35_000);
  expect(under.serversOf('ns/a').broker.made).toContain('validation_queue');
  expect(under.told('ns/a').join()).toContain('TopologyRepaired');
});

test('a wrong Secret is told on the Election, and mending it is noticed without a change of the Election', async () => {
  under.start();
  under.unavailable.set('ns/a', new StepError('SecretMissing', 'there is no Secret x; make it'));
  under.elections.put('ns', 'a', spec());
  await under.clock.advance(5_000);
  expect(under.message('ns/a', 'ConnectionsReady')).toBe('there is no Secret x; make it');
  expect(under.told('ns/a')).toContain('SecretMissing: there is no Secret x; make it');
  under.unavailable.clear();
  await under.clock.advance(31_000);
  expect(under.phase('ns/a')).toBe('Open');
});

test('a spec that no rule refused and that can’t be carried out is told, and stops nothing', async () => {
  under.start();
  under.elections.put('ns', 'bad', { title: 'no' });
  under.elections.put('ns', 'good', spec());
  await under.clock.advance(1_000);
  expect(under.phase('ns/bad')).toBe('Failed');
  expect(under.message('ns/bad')).toContain('spec.laws');
  expect(under.phase('ns/good')).toBe('Open');
  under.elections.put('ns', 'bad', spec());
  await under.clock.advance(1_000);
  expect(under.phase('ns/bad')).toBe('Open');
});

test('200 Elections at once are all opened, each by one reconciliation at a time, though 20 can’t be', async () => {
  const keys = Array.from({ length: 200 }, (_, i) => `ns/e${i}`);
  for (const [i, key] of keys.entries())
    if (i % 10 === 3) under.serversOf(key).fail('broker.ping', new Error('no broker'));
  for (const key of keys) under.elections.put('ns', key.slice(3), spec());
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
  elections.put('ns', 'a', spec());
  elections.put('ns', 'b', spec());
  await under.clock.advance(100);
  expect(under.phase('ns/b')).toBe('Open');
  await under.clock.advance(10_000);
  expect(under.errors).toHaveLength(3);
  expect(under.phase('ns/a')).toBe('Open');
});

test('only an Election that is to be cleaned up is held by a finalizer, and goes when that is done', async () => {
  under.start();
  under.elections.put('ns', 'kept', spec());
  under.elections.put('ns', 'gone', spec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  const finalizers = (key: string) => under.elections.stored.get(key)!.metadata.finalizers ?? [];
  expect([finalizers('ns/kept'), finalizers('ns/gone')]).toEqual([[], [FINALIZER]]);
  under.elections.delete('ns/kept');
  under.elections.delete('ns/gone');
  await under.clock.advance(1_000);
  expect(under.elections.stored.size).toBe(0);
  expect(under.serversOf('ns/gone').writes).toEqual(
    expect.arrayContaining(['broker.remove', 'electorate.remove', 'ledger.remove']),
  );
  expect(under.serversOf('ns/kept').writes).not.toContain('ledger.remove');
  expect(under.forgotten).toHaveLength(2);
});

test('a broker that is gone for good delays a deletion, and does not prevent it', async () => {
  under.start();
  under.elections.put('ns', 'a', spec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  under.serversOf('ns/a').fail('broker.remove', new Error('RabbitMQ does not answer'));
  under.elections.delete('ns/a');
  await under.clock.advance(200);
  expect(under.elections.stored.size).toBe(1);
  await under.clock.advance(60_000);
  expect(under.elections.stored.size).toBe(0);
  expect(under.told('ns/a').at(-1)).toBe(
    'CleanupAbandoned: The Election is let go, and what could not be removed is left behind: RabbitMQ does not answer',
  );
  // The others were removed all the same.
  expect(under.serversOf('ns/a').writes).toContain('ledger.remove');
});

test('an Election whose name is another’s is deleted at once, and nothing of the other’s with it', async () => {
  under.start();
  under.unavailable.set(
    'ns/a',
    new StepError('NameTaken', 'Election b/a uses the same servers', { lasting: true }),
  );
  under.elections.put('ns', 'a', spec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  under.elections.delete('ns/a');
  await under.clock.advance(100);
  expect(under.elections.stored.size).toBe(0);
  expect(under.serversOf('ns/a').writes).toEqual([]);
  expect(under.told('ns/a').join()).not.toContain('Cleanup');
});

test('a change of the spec cuts a load off that goes on for the old one', async () => {
  under.start();
  const servers = under.serversOf('ns/a');
  servers.source = { digest: 'ab'.repeat(32), voters: Array.from({ length: 50 }, (_, i) => `v${i}`) };
  let changed = false;
  servers.onLoading = () => {
    if (changed) return;
    changed = true;
    under.elections.put('ns', 'a', spec({ suspend: true }));
  };
  under.elections.put('ns', 'a', spec());
  await under.clock.advance(2_000);
  expect(servers.calls.filter((call) => call === 'electorate.load')).toHaveLength(2);
  expect(under.status('ns/a')).toMatchObject({ observedGeneration: 2, phase: 'Open' });
  expect(under.told('ns/a').join()).not.toContain('Interrupted');
});

test('an Election that is deleted and made anew under its name is a new one', async () => {
  under.start();
  under.elections.put('ns', 'a', spec());
  await under.clock.advance(100);
  under.elections.delete('ns/a');
  under.elections.put('ns', 'a', spec());
  await under.clock.advance(100);
  expect(under.phase('ns/a')).toBe('Open');
  expect(under.forgotten).toHaveLength(1);
});

test('a process that leads no more writes nothing, whatever it had begun', async () => {
  under.start();
  under.elections.put('ns', 'a', spec());
  const servers = under.serversOf('ns/a');
  servers.afterCall = (call) => {
    if (call === 'ledger.migrate') under.leads = false;
  };
  await under.clock.advance(60_000);
  expect(servers.writes).toEqual(['ledger.migrate']);
  expect(under.status('ns/a')).toEqual({});
});
