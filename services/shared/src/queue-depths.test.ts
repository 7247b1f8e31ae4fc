import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLog } from './log.ts';
import { QueueDepths } from './queue-depths.ts';
import { until, VirtualHost } from './testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from './topology.ts';

const log = createLog({ stage: 'test', level: 'silent', format: 'json' });

let vhost: VirtualHost;
let depths: QueueDepths;
beforeEach(async () => {
  vhost = await VirtualHost.create({ topology: false });
  depths = QueueDepths.open({ url: vhost.url, name: 'depths test', log });
});
afterEach(async () => {
  await depths.close();
  await vhost.remove();
});

test('tells each queue’s messages and consumers, and leaves out one that is not there', async () => {
  await vhost.declare([QUEUES.validation, QUEUES.review]);
  await vhost.channel.consume(QUEUES.review, () => {});
  for (let i = 0; i < 3; i++)
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, Buffer.from('vote'), { persistent: true });
  await until(
    'the messages are there',
    async () => (await depths.read()).get(QUEUES.validation)?.messages === 3,
  );
  expect([...(await depths.read())]).toEqual([
    [QUEUES.validation, { messages: 3, consumers: 0 }],
    [QUEUES.review, { messages: 0, consumers: 1 }],
  ]);
});

test('tells nothing while it is not connected', async () => {
  await depths.close();
  expect(await depths.read()).toEqual(new Map());
});
