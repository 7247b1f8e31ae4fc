import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { management, until } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS, virtualHost } from '@scrutin/shared/topology.ts';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { DELIVERY_LIMIT } from './queue-policies.ts';
import { RabbitmqAdmin, type RabbitmqAdminOptions } from './rabbitmq-admin.ts';

const managementUrl = process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672';
const rabbitmqUrl = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672';
const { origin: managementOrigin, username, password } = new URL(managementUrl);
const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
const log = createLog({ stage: 'test', level: 'silent', format: 'json' });

let electionId: string;
let vhost: string;
let admin: RabbitmqAdmin;
let model: ChannelModel | undefined;

beforeEach(() => {
  electionId = `t-${randomBytes(6).toString('hex')}`;
  vhost = virtualHost(electionId);
  admin = open();
});
afterEach(async () => {
  await model?.close();
  model = undefined;
  await admin.remove(electionId);
});

const open = (options: Partial<RabbitmqAdminOptions> = {}) =>
  new RabbitmqAdmin({ managementUrl, log, ...options });

async function channel(): Promise<ConfirmChannel> {
  model = await connect(electionRabbitmqUrl(rabbitmqUrl, electionId));
  return model.createConfirmChannel();
}

async function publish(to: ConfirmChannel, routingKey: string, text = 'vote'): Promise<void> {
  to.publish(EXCHANGE, routingKey, Buffer.from(text), { persistent: true, mandatory: true });
  await to.waitForConfirms();
}

/** Answers every request alike, as a server that is not RabbitMQ does. */
async function answering(status: number, body: string): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

test('makes an election’s place on the broker, and finds nothing to do the second time', async () => {
  expect(await admin.ensureTopology(electionId)).toEqual([
    `virtual host ${vhost}`,
    // Who makes a virtual host has rights on it at once.
    ...Object.values(QUEUES).map((queue) => `policy of ${queue}`),
    `exchange ${EXCHANGE}`,
    ...Object.values(QUEUES).map((queue) => `queue ${queue}`),
    ...Object.values(QUEUES).map((queue) => `binding of ${queue}`),
  ]);
  expect(await admin.ensureTopology(electionId)).toEqual([]);
});

test('before a missing queue is made, somebody may note that it is gone; without that none is made', async () => {
  const queues = async () =>
    (await management('GET', `/queues/${encodeURIComponent(vhost)}`)) as { name: string }[];
  const seen: number[] = [];
  const note = async () => {
    seen.push((await queues()).length);
  };
  await admin.ensureTopology(electionId, note);
  expect(seen).toEqual([0]);
  await admin.ensureTopology(electionId, note);
  expect(seen).toEqual([0]);
  await management('DELETE', `/queues/${encodeURIComponent(vhost)}/${QUEUES.aggregation}`);
  const away = async () => {
    throw new Error('Redis is away');
  };
  await expect(admin.ensureTopology(electionId, away)).rejects.toThrow('Redis is away');
  expect((await queues()).length).toBe(2);
  expect(await admin.ensureTopology(electionId, note)).toEqual([
    `queue ${QUEUES.aggregation}`,
    `binding of ${QUEUES.aggregation}`,
  ]);
  expect(seen).toEqual([0, 2]);
});

test('two at once make it together', async () => {
  await Promise.all([admin.ensureTopology(electionId), open().ensureTopology(electionId)]);
  expect(await admin.ensureTopology(electionId)).toEqual([]);
});

test('a vote reaches its queue by its routing key, and every queue is a quorum queue', async () => {
  await admin.ensureTopology(electionId);
  const amqp = await channel();
  for (const [name, key] of Object.entries(ROUTING_KEYS)) {
    const queue = QUEUES[name as keyof typeof QUEUES];
    await publish(amqp, key, name);
    expect((await amqp.get(queue, { noAck: true })) || undefined).toMatchObject({
      content: Buffer.from(name),
    });
    expect(await management('GET', `/queues/${vhost}/${queue}`)).toMatchObject({
      type: 'quorum',
      durable: true,
    });
  }
});

describe('the stages’ user', () => {
  const connectAs = async ({ name, password }: { name: string; password: string }) => {
    const url = new URL(electionRabbitmqUrl(rabbitmqUrl, electionId));
    url.username = name;
    url.password = password;
    model = await connect(url.href);
    const amqp = await model.createConfirmChannel();
    amqp.on('error', () => {});
    return amqp;
  };
  const exists = async (name: string) =>
    (await fetch(`${managementOrigin}/api/users/${name}`, { headers: { authorization } })).status === 200;
  let stageUser: { name: string; password: string };
  let asOperator: RabbitmqAdmin;

  beforeEach(() => {
    stageUser = { name: `stage-${electionId}`, password: randomBytes(12).toString('hex') };
    asOperator = open({ stageUser });
  });
  afterEach(async () => {
    await model?.close();
    model = undefined;
    if (await exists(stageUser.name)) await management('DELETE', `/users/${stageUser.name}`);
  });

  test('is made with the password of the address, and may publish and take votes, and nothing else', async () => {
    const made = await asOperator.ensureTopology(electionId);
    expect(made).toEqual(expect.arrayContaining([`user ${stageUser.name}`, `rights of ${stageUser.name}`]));
    expect(await asOperator.ensureTopology(electionId)).toEqual([]);
    const amqp = await connectAs(stageUser);
    await amqp.checkExchange(EXCHANGE);
    await publish(amqp, ROUTING_KEYS.validation);
    expect(await amqp.checkQueue(QUEUES.validation)).toMatchObject({ consumerCount: 0 });
    expect(await amqp.get(QUEUES.validation, { noAck: true })).toMatchObject({
      content: Buffer.from('vote'),
    });
    await expect(amqp.deleteQueue(QUEUES.review)).rejects.toThrow(/ACCESS_REFUSED/);
  });

  test('has no place on another election’s virtual host', async () => {
    await asOperator.ensureTopology(electionId);
    const other = `t-${randomBytes(6).toString('hex')}`;
    await admin.ensureTopology(other);
    try {
      const url = new URL(electionRabbitmqUrl(rabbitmqUrl, other));
      url.username = stageUser.name;
      url.password = stageUser.password;
      await expect(connect(url.href)).rejects.toThrow(/ConnectionClose/);
    } finally {
      await admin.remove(other);
    }
  });

  test('goes with the election that it was made for, and one that was there before stays', async () => {
    await asOperator.ensureTopology(electionId);
    await asOperator.remove(electionId);
    expect(await exists(stageUser.name)).toBe(false);
    await management('PUT', `/users/${stageUser.name}`, { password: stageUser.password, tags: '' });
    expect(await asOperator.ensureTopology(electionId)).toContain(`rights of ${stageUser.name}`);
    await publish(await connectAs(stageUser), ROUTING_KEYS.validation);
    await model!.close();
    model = undefined;
    await asOperator.remove(electionId);
    expect(await exists(stageUser.name)).toBe(true);
  });

  test('that the broker doesn’t know, and that has no password, is told by name', async () => {
    const nobody = open({ stageUser: { name: 'nobody-knows', password: '' } });
    await expect(nobody.ensureTopology(electionId)).rejects.toMatchObject({
      lasting: true,
      message: expect.stringMatching(/RabbitMQ has no user nobody-knows.*RABBITMQ_URL/),
    });
  });
});

test('a queue, a binding or a policy that was deleted or changed is put back', async () => {
  await admin.ensureTopology(electionId);
  await management('DELETE', `/queues/${vhost}/${QUEUES.aggregation}`);
  expect(await admin.ensureTopology(electionId)).toEqual([
    `queue ${QUEUES.aggregation}`,
    `binding of ${QUEUES.aggregation}`,
  ]);
  await management(
    'DELETE',
    `/bindings/${vhost}/e/${EXCHANGE}/q/${QUEUES.validation}/${ROUTING_KEYS.validation}`,
  );
  await management('PUT', `/policies/${vhost}/${QUEUES.validation}`, {
    pattern: '.*',
    definition: { 'max-length': 1 },
  });
  await management('DELETE', `/policies/${vhost}/${QUEUES.review}`);
  expect(await admin.ensureTopology(electionId)).toEqual([
    `policy of ${QUEUES.validation}`,
    `policy of ${QUEUES.review}`,
    `binding of ${QUEUES.validation}`,
  ]);
  // For a moment the wrong one, which matched every queue, may still be said to apply.
  await until(
    'its own policy applies to each queue',
    async () => {
      const queues = (await management('GET', `/queues/${vhost}`)) as { name: string; policy?: string }[];
      return queues.every(({ name, policy }) => policy === name);
    },
    30_000,
  );
  expect(await admin.ensureTopology(electionId)).toEqual([]);
});

test('a queue of another type is left as it is, with its messages, and a person is told what to do', async () => {
  await admin.ensureTopology(electionId);
  await management('DELETE', `/queues/${vhost}/${QUEUES.validation}`);
  const amqp = await channel();
  await amqp.assertQueue(QUEUES.validation, { durable: true, arguments: { 'x-queue-type': 'classic' } });
  amqp.sendToQueue(QUEUES.validation, Buffer.from('somebody else’s'));
  await amqp.waitForConfirms();
  await expect(admin.ensureTopology(electionId)).rejects.toMatchObject({
    reason: 'WrongTopology',
    lasting: true,
    message: expect.stringMatching(
      new RegExp(`queue ${QUEUES.validation} in virtual host ${vhost} is a classic queue.*delete it`),
    ),
  });
  expect((await amqp.checkQueue(QUEUES.validation)).messageCount).toBe(1);
});

test('an exchange of another type is told, not replaced', async () => {
  await management('PUT', `/vhosts/${vhost}`);
  await management('PUT', `/exchanges/${vhost}/${EXCHANGE}`, { type: 'fanout', durable: true });
  await expect(admin.ensureTopology(electionId)).rejects.toThrow(/exchange votes .* is a fanout exchange/);
});

test('a message that its workers reject, or die of too often, waits in review', async () => {
  await admin.ensureTopology(electionId);
  const amqp = await channel();
  await publish(amqp, ROUTING_KEYS.validation, 'rejected');
  const rejected = await amqp.get(QUEUES.validation);
  if (rejected === false) throw new Error('the message is not there');
  amqp.nack(rejected, false, false);

  await publish(amqp, ROUTING_KEYS.aggregation, 'deadly');
  let deliveries = 0;
  await amqp.consume(QUEUES.aggregation, (message) => {
    deliveries++;
    if (message) amqp.nack(message, false, true);
  });
  const review: string[] = [];
  await amqp.consume(QUEUES.review, (message) => review.push(String(message?.content)), { noAck: true });
  await until('both are in review', () => review.length === 2, 30_000);
  expect(review.toSorted()).toEqual(['deadly', 'rejected']);
  expect(deliveries).toBe(DELIVERY_LIMIT + 1);
});

test('a full queue refuses, and loses nothing that it took (P6)', async () => {
  await open({ maxLength: 10 }).ensureTopology(electionId);
  const amqp = await channel();
  let taken = 0;
  let refused = 0;
  // A queue may take a few more than its limit before it tells the publisher's channel.
  for (let i = 0; i < 60; i++)
    await publish(amqp, ROUTING_KEYS.validation).then(
      () => taken++,
      () => refused++,
    );
  expect(refused).toBeGreaterThan(0);
  expect((await amqp.checkQueue(QUEUES.validation)).messageCount).toBe(taken);
});

test('depths are zero where there is no queue yet', async () => {
  const nothing = { ready: 0, unacknowledged: 0, consumers: 0 };
  expect(await admin.depths(electionId)).toEqual({
    [QUEUES.validation]: nothing,
    [QUEUES.aggregation]: nothing,
    [QUEUES.review]: nothing,
  });
});

test('a broker that has lost the election is not drained', async () => {
  expect(await admin.isDrained(electionId)).toBe(false);
});

test('removing leaves nothing, and may be repeated', async () => {
  await admin.ensureTopology(electionId);
  await admin.remove(electionId);
  await admin.remove(electionId);
  expect(await management('GET', `/vhosts/${vhost}`)).toMatchObject({ error: 'Object Not Found' });
});

test('a wrong password, a silent port and a server that is something else are told apart', async () => {
  const wrong = new URL(managementUrl);
  wrong.password = 'not-the-password';
  const denied = open({ managementUrl: wrong.href });
  await expect(denied.ping()).rejects.toMatchObject({ reason: 'AccessDenied' });
  await expect(denied.ping()).rejects.not.toThrow(/not-the-password/);

  const gone = await answering(200, '');
  await gone.close();
  await expect(open({ managementUrl: gone.url }).ping()).rejects.toMatchObject({
    reason: 'Unreachable',
    message: expect.stringContaining('rabbitmq_management'),
  });

  for (const [status, body] of [
    [404, 'not found'],
    [200, '<html>a page</html>'],
  ] as const) {
    const other = await answering(status, body);
    await expect(open({ managementUrl: other.url }).ping()).rejects.toMatchObject({
      reason: 'Unreachable',
      message: expect.stringContaining('is not RabbitMQ’s management API'),
    });
    await other.close();
  }
  await expect(admin.ping()).resolves.toBeUndefined();
});

test('a management API that takes the question and says nothing is not waited for without bound (P6)', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(open({ managementUrl: url, timeoutMs: 100 }).ping()).rejects.toMatchObject({
    reason: 'Unreachable',
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('what the broker refuses to make is told with its own words', async () => {
  const other = await answering(404, '{"error":"Object Not Found","reason":"Not Found"}');
  await expect(open({ managementUrl: other.url }).ensureTopology(electionId)).rejects.toMatchObject({
    reason: 'BrokerRefused',
    message: `RabbitMQ refuses PUT /vhosts/${vhost}: Not Found`,
  });
  await other.close();
});
