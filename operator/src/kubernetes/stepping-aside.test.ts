import { expect, test } from '@jest/globals';
import type { Ports } from '../reconcile/ports.ts';
import { testElection } from '../reconcile/testing/election.ts';
import { FakeServers } from '../reconcile/testing/fake-servers.ts';
import { steppingAside } from './stepping-aside.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { WorkQueue } from './work-queue.ts';

const slow: readonly [string, (ports: Ports) => Promise<unknown>][] = [
  ['reading a source', ({ electorate }) => electorate.sourceDigest(testElection())],
  ['a load', ({ electorate }) => electorate.load(testElection(), { marks: async function* () {} })],
  ['the emptying of the queues', ({ broker }) => broker.isDrained('test')],
];

test.each(slow)('%s takes no worker from other Elections', async (_, wait) => {
  const clock = new FakeClock();
  const done: string[] = [];
  let answer = () => {};
  const never = () =>
    new Promise<never>((_resolve, reject) => {
      answer = () => reject(new Error('the test is over'));
    });
  const ports = new FakeServers(0, { digest: 'ab'.repeat(32), voters: [] }).ports();
  Object.assign(ports.electorate, { sourceDigest: never, load: never });
  Object.assign(ports.broker, { isDrained: never });
  const queue = new WorkQueue({
    process: async (key, aside) => {
      if (key === 'slow') await wait(steppingAside(ports, aside));
      done.push(key);
    },
    onError: () => {},
    workers: 1,
    clock,
  });
  queue.add('slow');
  queue.add('other');
  await clock.advance(100);
  expect(done).toEqual(['other']);
  answer();
  await queue.stop();
});
