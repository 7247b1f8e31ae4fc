/** What depends on the broker's statistics, which are seconds old: these tests wait, all at the same time. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import { electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { management, until } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS, virtualHost } from '@scrutin/shared/topology.ts';
import { type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { RabbitmqAdmin } from './rabbitmq-admin.ts';

const admin = new RabbitmqAdmin({
  managementUrl: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  log: createLog({ stage: 'test', level: 'silent', format: 'json' }),
});
const rabbitmqUrl = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

/** Runs `work` on an election of its own, and removes that. */
const onElection = (work: (electionId: string, amqp: ConfirmChannel) => Promise<void>) => async () => {
  const electionId = `t-${randomBytes(6).toString('hex')}`;
  await admin.ensureTopology(electionId);
  const model = await connect(electionRabbitmqUrl(rabbitmqUrl, electionId));
  try {
    await work(electionId, await model.createConfirmChannel());
  } finally {
    await model.close();
    await admin.remove(electionId);
  }
};

async function publish(to: ConfirmChannel, routingKey: string): Promise<void> {
  to.publish(EXCHANGE, routingKey, Buffer.from('vote'), { persistent: true, mandatory: true });
  await to.waitForConfirms();
}

async function take(from: ConfirmChannel, queue: string): Promise<GetMessage> {
  const message = await from.get(queue);
  if (message === false) throw new Error(`no message is in ${queue}`);
  return message;
}

test.concurrent(
  'depths tell ready, unacknowledged and consumers',
  onElection(async (electionId, amqp) => {
    for (let i = 0; i < 3; i++) await publish(amqp, ROUTING_KEYS.validation);
    await amqp.prefetch(2);
    await amqp.consume(QUEUES.validation, () => {});
    // Each is counted at a moment of its own.
    const counted = async () => {
      const depth = (await admin.depths(electionId))[QUEUES.validation];
      return isDeepStrictEqual(depth, { ready: 1, unacknowledged: 2, consumers: 1 });
    };
    await until('the statistics have come', counted, 60_000);
  }),
  120_000,
);

test.concurrent(
  'a vote that came a moment ago keeps the broker from being drained',
  onElection(async (electionId, amqp) => {
    await publish(amqp, ROUTING_KEYS.validation);
    expect(await admin.isDrained(electionId)).toBe(false);
  }),
  180_000,
);

test.concurrent(
  'a vote that a worker holds keeps the broker from being drained, until it is acknowledged',
  onElection(async (electionId, amqp) => {
    await publish(amqp, ROUTING_KEYS.aggregation);
    const held = await take(amqp, QUEUES.aggregation);
    expect(await admin.isDrained(electionId)).toBe(false);
    amqp.ack(held);
    await until('the broker is drained', () => admin.isDrained(electionId), 120_000);
  }),
  180_000,
);

test.concurrent(
  'a rejected vote that can’t reach review is kept, and keeps the broker from being drained (P1)',
  onElection(async (electionId, amqp) => {
    const path = `${virtualHost(electionId)}/e/${EXCHANGE}/q/${QUEUES.review}/${ROUTING_KEYS.review}`;
    await management('DELETE', `/bindings/${path}`);
    await publish(amqp, ROUTING_KEYS.validation);
    amqp.nack(await take(amqp, QUEUES.validation), false, false);
    expect(await admin.isDrained(electionId)).toBe(false);
    expect((await amqp.checkQueue(QUEUES.review)).messageCount).toBe(0);
    // Said again when statistics name nothing but the message that is under way.
    const counted = async () =>
      (await management('GET', `/queues/${virtualHost(electionId)}/${QUEUES.validation}`)) as {
        messages?: number;
        messages_dlx?: number;
      };
    await until(
      'the message is counted as under way',
      async () => (await counted()).messages_dlx === 1,
      60_000,
    );
    expect(await admin.isDrained(electionId)).toBe(false);
  }),
  180_000,
);
