import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createLog } from './log.ts';
import { Publisher } from './publisher.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until, VirtualHost } from './testing/virtual-host.ts';
import { QUEUES, ROUTING_KEYS } from './topology.ts';

const log = createLog({ stage: 'test', level: 'silent' });
const content = Buffer.from('{"version":1,"votes":[]}');
const unavailable = { code: 'broker-unavailable', retryAfter: 1 };

/** connection.blocked (class 10, method 60, reason "test"), as a broker with a memory alarm sends it. */
const BLOCKED = Buffer.from('01000000000009000a003c0474657374ce', 'hex');
const UNBLOCKED = Buffer.from('01000000000004000a003dce', 'hex');

let vhost: VirtualHost;
let publisher: Publisher | undefined;
let proxy: TcpProxy | undefined;

beforeEach(async () => {
  vhost = await VirtualHost.create();
});

afterEach(async () => {
  jest.restoreAllMocks();
  await publisher?.close();
  await proxy?.close();
  publisher = proxy = undefined;
  await vhost.remove();
});

async function open(options: { url?: string; confirmTimeoutMs?: number } = {}): Promise<Publisher> {
  publisher = await Publisher.open({
    url: options.url ?? vhost.url,
    name: 'publisher under test',
    log,
    confirmTimeoutMs: options.confirmTimeoutMs ?? 20_000,
  });
  return publisher;
}

async function openReady(options: Parameters<typeof open>[0] = {}): Promise<Publisher> {
  const opened = await open(options);
  await until('the publisher is ready', () => opened.ready);
  return opened;
}

async function openThroughProxy(confirmTimeoutMs?: number): Promise<Publisher> {
  proxy = await TcpProxy.to(vhost.url);
  return openReady({
    url: proxy.through(vhost.url),
    ...(confirmTimeoutMs !== undefined && { confirmTimeoutMs }),
  });
}

describe('a publisher', () => {
  it('resolves once the durable queue has the message', async () => {
    await (await openReady()).publish(ROUTING_KEYS.validation, content);
    const [message] = await vhost.drain(QUEUES.validation);
    expect(message?.content).toEqual(content);
    expect(message?.properties).toMatchObject({
      deliveryMode: 2,
      contentType: 'application/json',
      type: 'scrutin.votes.v1',
    });
    expect(publisher?.inFlight).toBe(0);
  });

  it('confirms a thousand messages in flight, each once', async () => {
    const ready = await openReady();
    await Promise.all(Array.from({ length: 1_000 }, () => ready.publish(ROUTING_KEYS.validation, content)));
    expect(await vhost.ready(QUEUES.validation)).toBe(1_000);
    expect(ready.inFlight).toBe(0);
  });

  it('rejects a message that no queue is bound for, though the broker confirms it', async () => {
    const ready = await openReady();
    await expect(ready.publish('vote.nowhere', content)).rejects.toMatchObject(unavailable);
    await ready.publish(ROUTING_KEYS.validation, content);
  });

  it('rejects what a full queue refuses', async () => {
    await vhost.channel.deleteQueue(QUEUES.validation);
    const queueArguments = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await vhost.channel.assertQueue(QUEUES.validation, { durable: true, arguments: queueArguments });
    await vhost.channel.bindQueue(QUEUES.validation, 'votes', ROUTING_KEYS.validation);
    const ready = await openReady();
    await ready.publish(ROUTING_KEYS.validation, content);
    await expect(ready.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject(unavailable);
    expect(ready.ready).toBe(true);
  });

  it('connects anew after nothing but refusals, and not after one', async () => {
    await vhost.channel.deleteQueue(QUEUES.validation);
    const queueArguments = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await vhost.channel.assertQueue(QUEUES.validation, { durable: true, arguments: queueArguments });
    await vhost.channel.bindQueue(QUEUES.validation, 'votes', ROUTING_KEYS.validation);
    const ready = await openReady();
    await ready.publish(ROUTING_KEYS.validation, content);
    const refused = () =>
      expect(ready.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject(unavailable);
    // The publisher's clock, so that a stall of this process is no time.
    let clock = performance.now();
    jest.spyOn(performance, 'now').mockImplementation(() => clock);
    const later = (ms: number) => {
      clock += ms;
    };
    const back = () => until('the publisher is back', () => ready.ready);
    await refused();
    expect(ready.ready).toBe(true);
    later(600);
    // A confirm in between: the channel is sound.
    await vhost.channel.purgeQueue(QUEUES.validation);
    await ready.publish(ROUTING_KEYS.validation, content);
    await refused();
    expect(ready.ready).toBe(true);
    later(600);
    await refused();
    expect(ready.ready).toBe(false);
    await back();
    // It was no channel's fault: the next time the refusals are borne longer.
    await refused();
    later(600);
    await refused();
    expect(ready.ready).toBe(true);
    later(600);
    await refused();
    expect(ready.ready).toBe(false);
    await back();
    await vhost.channel.purgeQueue(QUEUES.validation);
    await ready.publish(ROUTING_KEYS.validation, content);
  });

  it('rejects at once while the broker is away, and works again when it is back', async () => {
    const through = await openThroughProxy();
    proxy!.refuse();
    await until('the loss is noticed', () => !through.ready);
    const start = performance.now();
    await expect(through.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject(unavailable);
    expect(performance.now() - start).toBeLessThan(10_000);
    proxy!.pass();
    await until('the publisher is back', () => through.ready);
    await through.publish(ROUTING_KEYS.validation, content);
  });

  it('rejects what was in flight when the connection broke', async () => {
    const through = await openThroughProxy();
    proxy!.freeze();
    const waiting = through.publish(ROUTING_KEYS.validation, content);
    const outcome = expect(waiting).rejects.toMatchObject(unavailable);
    proxy!.cut();
    await outcome;
    expect(through.inFlight).toBe(0);
  });

  it('comes back after the server closed its connection', async () => {
    const ready = await openReady();
    // Looked for all the while: it may be back before the management API has answered.
    const lost = until('the loss is noticed', () => !ready.ready);
    const closed = until('the management API lists the connection', async () => {
      return (await vhost.closeConnections('publisher under test')) > 0;
    });
    await Promise.all([lost, closed]);
    await until('the publisher is back', () => ready.ready);
    await ready.publish(ROUTING_KEYS.validation, content);
  });

  it('gives up a message without a confirm in time, and connects anew', async () => {
    const through = await openThroughProxy(300);
    proxy!.freeze();
    await expect(through.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject(unavailable);
    expect(through.ready).toBe(false);
    proxy!.pass();
    // On a slow disk a confirm may take longer than that once more.
    await until('it publishes again', () =>
      through.publish(ROUTING_KEYS.validation, content).then(
        () => true,
        () => false,
      ),
    );
  });

  it('takes nothing while an alarm blocks the broker, and keeps its connection', async () => {
    const through = await openThroughProxy();
    proxy!.inject(BLOCKED);
    await until('the alarm is noticed', () => !through.ready);
    await expect(through.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject({
      ...unavailable,
      detail: 'the broker is short of memory or disk',
    });
    proxy!.inject(UNBLOCKED);
    await until('the alarm is over', () => through.ready);
    await through.publish(ROUTING_KEYS.validation, content);
    expect(proxy!.connections).toBe(1);
  });

  it('waits for its exchange to be made', async () => {
    await vhost.channel.deleteExchange('votes');
    const waiting = await open();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(waiting.ready).toBe(false);
    await vhost.declare();
    await until('the exchange is found', () => waiting.ready);
    await waiting.publish(ROUTING_KEYS.validation, content);
  });

  it('connects anew when the server closes its channel', async () => {
    const ready = await openReady();
    await vhost.channel.deleteExchange('votes');
    await expect(ready.publish(ROUTING_KEYS.validation, content)).rejects.toMatchObject(unavailable);
    await vhost.declare();
    await until('the publisher is back', () => ready.ready);
    await ready.publish(ROUTING_KEYS.validation, content);
  });
});

describe('closing a publisher', () => {
  it('is quick while the broker is away', async () => {
    const through = await openThroughProxy();
    proxy!.refuse();
    await until('the loss is noticed', () => !through.ready);
    const start = performance.now();
    await through.close();
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it('takes about a second when the broker has stopped answering', async () => {
    const through = await openThroughProxy();
    proxy!.freeze();
    const start = performance.now();
    await through.close();
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it('is quick while the first connection is still being made', async () => {
    proxy = await TcpProxy.to(vhost.url);
    proxy.freeze();
    const connecting = await open({ url: proxy.through(vhost.url) });
    await until('the connection is open', () => proxy!.connections === 1);
    const start = performance.now();
    await connecting.close();
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});
