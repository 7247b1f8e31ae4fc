import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FINALIZER } from './election-names.ts';
import { NameTaken } from './name-claims.ts';
import { ControllerUnderTest } from './testing/controller-under-test.ts';
import { openSpec } from './testing/open-spec.ts';

let under: ControllerUnderTest;
beforeEach(() => {
  under = new ControllerUnderTest();
});
afterEach(() => under.stop());

test('only an Election that is to be cleaned up is held by a finalizer, and goes when that is done', async () => {
  under.start();
  under.elections.put('ns', 'kept', openSpec());
  under.elections.put('ns', 'gone', openSpec({ reclaimPolicy: 'Delete' }));
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
  under.elections.put('ns', 'a', openSpec({ reclaimPolicy: 'Delete' }));
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
  under.unavailable.set('ns/a', new NameTaken('Election b/a uses the same servers', true));
  under.elections.put('ns', 'a', openSpec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  under.elections.delete('ns/a');
  await under.clock.advance(100);
  expect(under.elections.stored.size).toBe(0);
  expect(under.serversOf('ns/a').writes).toEqual([]);
  expect(under.told('ns/a').join()).not.toContain('Cleanup');
});

test('an Election whose name may be another’s leaves nothing behind without a word', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  // The other's Secrets can't be read now: both may have servers of their own.
  under.unavailable.set('ns/a', new NameTaken('Election b/a may use the same servers', false));
  under.elections.delete('ns/a');
  await under.clock.advance(200);
  expect(under.elections.stored.size).toBe(1);
  await under.clock.advance(60_000);
  expect(under.elections.stored.size).toBe(0);
  expect(under.told('ns/a').at(-1)).toMatch(/^CleanupAbandoned: .*Election b\/a may use the same servers$/);
});

test('a finalizer that the API server did not take off is taken off at the next look', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  const apply = under.elections.applyFinalizers.bind(under.elections);
  let refusals = 0;
  under.elections.applyFinalizers = async (election, finalizers) => {
    if (refusals++ < 1) throw Object.assign(new Error('please apply your changes anew'), { statusCode: 409 });
    await apply(election, finalizers);
  };
  under.elections.delete('ns/a');
  await under.clock.advance(1_000);
  expect([refusals, under.elections.stored.size]).toEqual([1, 1]);
  await under.clock.advance(31_000);
  expect(under.elections.stored.size).toBe(0);
});

test('a process that leads no more tells nothing of a clean-up that is not its own any more', async () => {
  under.start();
  under.elections.put('ns', 'a', openSpec({ reclaimPolicy: 'Delete' }));
  await under.clock.advance(100);
  under.serversOf('ns/a').beforeCall = (call) => {
    if (call !== 'broker.remove') return;
    under.leads = false;
    throw new Error('RabbitMQ does not answer');
  };
  under.elections.delete('ns/a');
  await under.clock.advance(60_000);
  expect(under.told('ns/a').join()).not.toContain('Cleanup');
  expect(under.elections.stored.get('ns/a')!.metadata.finalizers).toEqual([FINALIZER]);
});
