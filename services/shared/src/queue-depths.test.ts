import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLog } from './log.ts';
import { type QueueDepth, QueueDepths } from './queue-depths.ts';
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
  // Of a queue that does not answer in time the broker says 0 for both.
  let read = new Map<string, QueueDepth>();
  await until('all of them are told', async () => {
    read = await depths.read();
    return read.get(QUEUES.validation)?.messages === 3 && read.get(QUEUES.review)?.consumers === 1;
  });
  expect([...read]).toEqual([
    [QUEUES.validation, { messages: 3, consumers: 0 }],
    [QUEUES.review, { messages: 0, consumers: 1 }],
  ]);
});

test('tells nothing while it is not connected', async () => {
  await depths.close();
  expect(await depths.read()).toEqual(new Map());
});
