import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { Review } from './review.ts';

let vhost: VirtualHost;
beforeEach(async () => {
  vhost = await VirtualHost.create();
});
afterEach(() => vhost.remove());

const setAside = (content: string) =>
  vhost.channel.publish(EXCHANGE, ROUTING_KEYS.review, Buffer.from(content));

test('what review has held is known at every look, and told apart from what should not be there', async () => {
  const review = new Review(vhost.url);
  const poison = new Set(['poison-1']);
  setAside('{"id":"poison-1","version":2}');
  // More often than a broker delivers a message that is put back each time.
  for (let look = 0; look < 25; look++)
    expect(await review.read(poison)).toEqual({ review: [], lostPoison: [] });
  setAside('{"votes":[]}');
  poison.add('poison-12');
  setAside(`poison-12 ${'x'.repeat(1_000_000)}`);
  expect(await review.read(poison)).toEqual({ review: ['{"votes":[]}'], lostPoison: [] });
  expect(await vhost.ready(QUEUES.review)).toBe(0);
});

test('poison that is not there is told, also beside another of which its id is the beginning', async () => {
  const review = new Review(vhost.url);
  setAside('poison-12');
  await until('it is in review', async () => (await vhost.ready(QUEUES.review)) === 1);
  expect(await review.read(new Set(['poison-1', 'poison-12']), 500)).toEqual({
    review: [],
    lostPoison: ['poison-1'],
  });
});
