import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newBallotId } from './ballot-id.ts';
import { BatchConsumer, type BatchConsumerOptions } from './batch-consumer.ts';
import { createLog } from './log.ts';
import { Publisher } from './publisher.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { until, VirtualHost } from './testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from './topology.ts';
import { encodeVotes, type PendingVote, pendingVoteSchema } from './vote-message.ts';

const log = createLog({ stage: 'test', level: 'silent' });

let vhost: VirtualHost;
let proxy: TcpProxy | undefined;
let review: Publisher;
let consumer: BatchConsumer<PendingVote> | undefined;

beforeEach(async () => {
  vhost = await VirtualHost.create();
  review = await Publisher.open({ url: vhost.url, name: 'review', log, confirmTimeoutMs: 20_000 });
  await until('the review publisher is ready', () => review.ready);
});

afterEach(async () => {
  await consumer?.stop();
  await review.close();
  await proxy?.close();
  consumer = proxy = undefined;
  await vhost.remove();
});

const vote = (): PendingVote => ({
  ballot_id: newBallotId('demo'),
  voter: 'ab'.repeat(32),
  law_id: 'loi-1',
  vote: 'oui',
  timestamp: new Date().toISOString(),
  status: 'pending',
  duplicate_count: 0,
});

const votes = (count: number): PendingVote[] => Array.from({ length: count }, vote);

function send(content: Buffer): void {
  vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, content, { persistent: true });
}

/** Sends each vote as a message of its own; resolves when the queue has them. */
async function sendEach(list: readonly PendingVote[]): Promise<void> {
  for (const one of list) send(encodeVotes([one]));
  await vhost.ready(QUEUES.validation);
}

const ids = (list: readonly PendingVote[]): string[] => list.map(({ ballot_id }) => ballot_id).sort();

async function consume(options: Partial<BatchConsumerOptions<PendingVote>>): Promise<void> {
  consumer = await BatchConsumer.open({
    url: vhost.url,
    name: 'consumer under test',
    queue: QUEUES.validation,
    voteSchema: pendingVoteSchema,
    prefetch: 50,
    maxVotes: 1_000,
    lingerMs: 5,
    handle: async () => {},
    review,
    log,
    ...options,
  });
}

/** Every message is either ready or gone once its consumer has left; waits for the count to be so. */
const settles = (ready: number) =>
  until(`${ready} messages are ready`, async () => (await vhost.ready(QUEUES.validation)) === ready);

describe('a batch consumer', () => {
  it('hands over every vote once, in batches, and acknowledges them', async () => {
    const cast = votes(500);
    await sendEach(cast);
    const batches: PendingVote[][] = [];
    await consume({ handle: async (batch) => void batches.push(batch) });
    await until('all are handled', () => batches.flat().length >= 500);
    await consumer!.stop();
    expect(ids(batches.flat())).toEqual(ids(cast));
    expect(batches.length).toBeLessThan(500);
    await settles(0);
  });

  it('keeps the order of the queue', async () => {
    const cast = votes(200);
    await sendEach(cast);
    const handled: PendingVote[] = [];
    await consume({ maxVotes: 7, handle: async (batch) => void handled.push(...batch) });
    await until('all are handled', () => handled.length === 200);
    expect(handled.map((one) => one.ballot_id)).toEqual(cast.map((one) => one.ballot_id));
  });

  it('closes a batch at its number of votes, whole messages only', async () => {
    for (let i = 0; i < 6; i++) send(encodeVotes(votes(40)));
    await vhost.ready(QUEUES.validation);
    const sizes: number[] = [];
    await consume({ maxVotes: 100, lingerMs: 9_000, handle: async (batch) => void sizes.push(batch.length) });
    await until('all are handled', () => sizes.reduce((sum, size) => sum + size, 0) === 240);
    expect(sizes).toEqual([120, 120]);
  });

  it('does not wait for more than the prefetch lets through', async () => {
    await sendEach(votes(10));
    let handled = 0;
    const start = performance.now();
    await consume({
      prefetch: 5,
      lingerMs: 40_000,
      handle: async (batch) => {
        handled += batch.length;
      },
    });
    await until('all are handled', () => handled === 10);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  it('holds a batch and tries again while it cannot be handled, and takes no more than the prefetch', async () => {
    await sendEach(votes(120));
    let healthy = false;
    let attempts = 0;
    let retries = 0;
    const handled: PendingVote[] = [];
    await consume({
      maxVotes: 20,
      handle: async (batch) => {
        attempts++;
        if (!healthy) throw new Error('the database is away');
        handled.push(...batch);
      },
      onRetry: () => retries++,
    });
    await until('it has been tried three times', () => attempts >= 3);
    // Those of the prefetch may still be on their way; more would have come by the next tries.
    await settles(70);
    const before = attempts;
    await until('it is tried again and again', () => attempts >= before + 2);
    expect(await vhost.ready(QUEUES.validation)).toBe(70);
    expect(retries).toBeGreaterThanOrEqual(2);
    healthy = true;
    await until('all are handled', () => handled.length === 120);
    expect(new Set(ids(handled)).size).toBe(120);
    await consumer!.stop();
    await settles(0);
  });

  it.each([
    ['not JSON', Buffer.from('{"version":1,')],
    ['no votes', Buffer.from('{"version":1,"votes":[]}')],
    ['another version', Buffer.from('{"version":2,"votes":[{}]}')],
    ['empty', Buffer.alloc(0)],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
  ])('dead-letters a message that is %s, and handles its neighbours', async (_what, poison) => {
    const [before, after] = [vote(), vote()];
    send(encodeVotes([before]));
    send(poison);
    send(encodeVotes([after]));
    const handled: PendingVote[] = [];
    let rejected = 0;
    await consume({
      handle: async (batch) => void handled.push(...batch),
      onRejected: (count) => {
        rejected += count;
      },
    });
    await until('it is in review', async () => (await vhost.ready(QUEUES.review)) === 1);
    await until('its neighbours are handled', () => handled.length === 2);
    expect(rejected).toBe(1);
    const [message] = await vhost.drain(QUEUES.review);
    expect(message!.content).toEqual(poison);
    await consumer!.stop();
    await settles(0);
  });

  it('sends a bad vote among good ones to review and loses none of the good', async () => {
    const good = votes(5);
    const bad = { ...vote(), vote: 'peut-être' };
    send(Buffer.from(JSON.stringify({ version: 1, votes: [...good.slice(0, 3), bad, ...good.slice(3)] })));
    const handled: PendingVote[] = [];
    const lines: string[] = [];
    await consume({
      handle: async (batch) => void handled.push(...batch),
      log: createLog({ stage: 'test', destination: { write: (line) => void lines.push(line) } }),
    });
    await until('the good are handled', () => handled.length === 5);
    expect(ids(handled)).toEqual(ids(good));
    await until('the bad is in review', async () => (await vhost.ready(QUEUES.review)) === 1);
    const [message] = await vhost.drain(QUEUES.review);
    expect(JSON.parse(message!.content.toString())).toEqual({ version: 1, votes: [bad] });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'error', ballot_id: bad.ballot_id, reason: 'vote: invalid_value' }),
    ]);
    expect(message!.properties.headers).toMatchObject({
      'x-review-reason': 'vote: invalid_value',
      'x-review-queue': QUEUES.validation,
    });
    await consumer!.stop();
    await settles(0);
  });

  it('acknowledges nothing while a bad vote cannot be sent to review', async () => {
    await vhost.channel.unbindQueue(QUEUES.review, EXCHANGE, ROUTING_KEYS.review);
    const good = vote();
    send(Buffer.from(JSON.stringify({ version: 1, votes: [good, { vote: 'oui' }] })));
    const handled: PendingVote[] = [];
    let retries = 0;
    await consume({ handle: async (batch) => void handled.push(...batch), onRetry: () => retries++ });
    await until('it is tried again', () => retries >= 2);
    expect(handled).toEqual([]);
    await vhost.channel.bindQueue(QUEUES.review, EXCHANGE, ROUTING_KEYS.review);
    await until('the good one is handled', () => handled.length === 1);
    expect(await vhost.ready(QUEUES.review)).toBe(1);
  });

  it('waits for its queue to be made, and again after it was deleted', async () => {
    await vhost.channel.deleteQueue(QUEUES.validation);
    const handled: PendingVote[] = [];
    await consume({ handle: async (batch) => void handled.push(...batch) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(consumer!.consuming).toBe(false);
    await vhost.declare([QUEUES.validation]);
    await sendEach(votes(3));
    await until('they are handled', () => handled.length === 3);
    await vhost.channel.deleteQueue(QUEUES.validation);
    await until('the loss is noticed', () => !consumer!.consuming);
    await vhost.declare([QUEUES.validation]);
    await sendEach(votes(3));
    await until('the new ones are handled', () => handled.length === 6);
  });

  it('handles again what was not acknowledged when the server closed the connection', async () => {
    const cast = votes(30);
    await sendEach(cast);
    const seen: PendingVote[] = [];
    const { promise: blocked, resolve: release } = Promise.withResolvers<void>();
    const signals: AbortSignal[] = [];
    await consume({
      handle: async (batch, signal) => {
        signals.push(signal);
        if (signals.length === 1) await blocked;
        seen.push(...batch);
      },
    });
    await until('a batch is at hand', () => signals.length === 1);
    await until('the management API lists the connection', async () => {
      return (await vhost.closeConnections('consumer under test')) > 0;
    });
    await until('the batch is told', () => signals[0]!.aborted);
    await until('all come again', () => new Set(ids(seen)).size === 30);
    release();
    await consumer!.stop();
    await settles(0);
  });

  it('survives a batch that ends just as its connection is being closed', async () => {
    const cast = votes(20);
    await sendEach(cast);
    proxy = await TcpProxy.to(vhost.url);
    const seen = new Set<string>();
    let calls = 0;
    let last: string | undefined;
    let acknowledged: string | undefined;
    await consume({
      url: proxy.through(vhost.url),
      maxVotes: 1,
      lingerMs: 0,
      handle: async (batch) => {
        if (seen.size < 20 && ++calls % 7 === 3) proxy!.cut();
        for (const { ballot_id } of batch) seen.add(ballot_id);
        last = batch.at(-1)!.ballot_id;
      },
      onBatch: () => {
        acknowledged = last;
      },
    });
    await until('all are handled', () => seen.size === 20);
    proxy.pass();
    // Whatever came back stands before it in the queue, and batches are taken in order.
    const final = votes(1);
    await sendEach(final);
    await until('the last is acknowledged', () => acknowledged === final[0]!.ballot_id);
    await consumer!.stop();
    await settles(0);
  });

  it('tells the depth of its queue', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await consume({ prefetch: 1, handle: () => held });
    try {
      await until('it consumes', () => consumer!.consuming);
      await sendEach(votes(4));
      // A broker that is busy says 0 of both.
      await until('three wait for one consumer', async () => {
        const { messages, consumers } = await consumer!.queueDepth();
        return messages === 3 && consumers === 1;
      });
    } finally {
      release();
    }
  });
});

describe('stopping a batch consumer', () => {
  it('finishes the batch at hand, acknowledges it, and gives the rest back', async () => {
    await sendEach(votes(50));
    const { promise: blocked, resolve: release } = Promise.withResolvers<void>();
    let begun = false;
    let handled = 0;
    await consume({
      maxVotes: 10,
      // However slowly they come, the first batch is of ten.
      lingerMs: 40_000,
      handle: async (batch) => {
        begun = true;
        await blocked;
        handled += batch.length;
      },
    });
    await until('all are taken', async () => (await vhost.ready(QUEUES.validation)) === 0);
    // The broker has sent them by then; they need not have arrived.
    await until('the first batch is at hand', () => begun);
    const stopped = consumer!.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    await stopped;
    expect(handled).toBe(10);
    await settles(40);
  });

  it('gives a batch back that cannot be handled', async () => {
    await sendEach(votes(10));
    let attempts = 0;
    await consume({
      handle: async () => {
        attempts++;
        throw new Error('the database is away');
      },
    });
    await until('it was tried', () => attempts >= 2);
    const start = performance.now();
    await consumer!.stop();
    expect(performance.now() - start).toBeLessThan(20_000);
    await settles(10);
  });

  it('is quick while the broker is away or was never there', async () => {
    proxy = await TcpProxy.to(vhost.url);
    await consume({ url: proxy.through(vhost.url) });
    await until('it consumes', () => consumer!.consuming);
    proxy.refuse();
    await until('the loss is noticed', () => !consumer!.consuming);
    const start = performance.now();
    await consumer!.stop();
    await consume({ url: 'amqp://guest:guest@127.0.0.1:1/' });
    await consumer!.stop();
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it('ends, with the batch at hand finished, when the broker has stopped answering', async () => {
    proxy = await TcpProxy.to(vhost.url);
    await sendEach(votes(10));
    let handled = 0;
    let begun = false;
    const { promise: blocked, resolve: release } = Promise.withResolvers<void>();
    await consume({
      url: proxy.through(vhost.url),
      maxVotes: 10,
      lingerMs: 40_000,
      handle: async (batch) => {
        begun = true;
        await blocked;
        handled += batch.length;
      },
    });
    await until('a batch is at hand', () => begun);
    proxy.freeze();
    const start = performance.now();
    const stopped = consumer!.stop();
    release();
    await stopped;
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(handled).toBe(10);
    proxy.refuse();
    await settles(10);
  });
});
