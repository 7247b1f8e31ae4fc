import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { EXCHANGE, QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { ReviewQueue } from './review-queue.ts';

const VOTER = 'ab'.repeat(32);
const pending = (ballot: string) => ({
  ballot_id: ballot,
  voter: VOTER,
  law_id: 'loi-1',
  vote: 'oui',
  timestamp: '2026-01-01T00:00:00.000Z',
  status: 'pending',
  duplicate_count: 0,
});
const message = (ballot: string) => Buffer.from(JSON.stringify({ version: 1, votes: [pending(ballot)] }));
const BALLOTS = ['0190a000-0000-8000-8000-000000000001', '0190a000-0000-8000-8000-000000000002'] as const;

let vhost: VirtualHost;
beforeEach(async () => {
  vhost = await VirtualHost.create();
});
afterEach(async () => {
  await vhost.remove();
});

/** A message that a worker could not read: the broker dead-letters it. */
async function deadLetter(content: Buffer, messageId: string) {
  const before = await vhost.ready(QUEUES.review);
  vhost.channel.publish(EXCHANGE, ROUTING_KEYS.validation, content, {
    persistent: true,
    messageId,
    type: 'kept',
  });
  await until('the message arrives', async () => (await vhost.ready(QUEUES.validation)) === 1);
  const taken = await vhost.channel.get(QUEUES.validation);
  if (taken) vhost.channel.nack(taken, false, false);
  await until('it is dead-lettered', async () => (await vhost.ready(QUEUES.review)) === before + 1);
}

async function withQueue<T>(work: (queue: ReviewQueue) => Promise<T>): Promise<T> {
  const queue = await ReviewQueue.open(vhost.url);
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

describe('the review queue', () => {
  test('lists what is in it, with its origin and reason, and takes nothing out', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.review, message(BALLOTS[1]), {
      headers: { 'x-review-queue': QUEUES.aggregation, 'x-review-reason': 'vote: invalid_value' },
    });
    await until('both are there', async () => (await vhost.ready(QUEUES.review)) === 2);
    const entries = await withQueue((queue) => queue.list(100));
    expect(entries).toMatchObject([
      { from: QUEUES.validation, reason: 'could not be read', votes: 1 },
      { from: QUEUES.aggregation, reason: 'vote: invalid_value', votes: 1 },
    ]);
    await until('both are there again', async () => (await vhost.ready(QUEUES.review)) === 2);
  });

  test('shows neither voter nor choice of a vote', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    const shown = await withQueue(async (queue) => {
      const [entry] = await queue.list(1);
      return queue.show(entry!.ref, 10);
    });
    expect(JSON.stringify(shown)).toContain(BALLOTS[0]);
    expect(JSON.stringify(shown)).not.toMatch(/abab|oui/);
  });

  test('replays a message to the queue that it came from, as it was', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    await deadLetter(message(BALLOTS[1]), 'second');
    const { done } = await withQueue(async (queue) => {
      const entries = await queue.list(10);
      return queue.replay([entries[1]!.ref], { limit: 10 });
    });
    expect(done).toMatchObject([{ to: QUEUES.validation }]);
    const [replayed, ...others] = await vhost.drain(QUEUES.validation);
    expect(others).toEqual([]);
    expect(replayed!.content).toEqual(message(BALLOTS[1]));
    expect(replayed!.properties).toMatchObject({ messageId: 'second', type: 'kept', deliveryMode: 2 });
    expect(replayed!.properties.headers).not.toHaveProperty('x-death');
    await until('the other one stays', async () => (await vhost.ready(QUEUES.review)) === 1);
  });

  test('replays all, and keeps what doesn’t say where it came from', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    vhost.channel.publish(EXCHANGE, ROUTING_KEYS.review, Buffer.from('no votes'), { messageId: 'stray' });
    await until('both are there', async () => (await vhost.ready(QUEUES.review)) === 2);
    const { done, skipped } = await withQueue((queue) => queue.replay(undefined, { limit: 10 }));
    expect([done.length, skipped.length]).toEqual([1, 1]);
    await until('the stray one stays', async () => (await vhost.ready(QUEUES.review)) === 1);
  });

  test('keeps a message whose way back is gone', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    await vhost.channel.unbindQueue(QUEUES.validation, EXCHANGE, ROUTING_KEYS.validation);
    const replay = withQueue((queue) => queue.replay(undefined, { limit: 10 }));
    await expect(replay).rejects.toThrow('no queue is bound for vote.pending');
    await until('it stays', async () => (await vhost.ready(QUEUES.review)) === 1);
  });

  test('loses nothing when the process dies in the middle of a replay', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    const queue = await ReviewQueue.open(vhost.url);
    const discard = queue.discard((await queue.list(1))[0]!.ref, 10, async () => {
      // The connection is cut while the message is held and nothing is settled yet.
      await until('the connection is known', async () => (await vhost.closeConnections('review')) > 0);
    });
    await discard.catch(() => {});
    await queue.close();
    await until('it is back', async () => (await vhost.ready(QUEUES.review)) === 1);
  });

  test('discards one message only after it was written down', async () => {
    await deadLetter(message(BALLOTS[0]), 'first');
    await deadLetter(message(BALLOTS[1]), 'second');
    const failing = withQueue(async (queue) => {
      const [entry] = await queue.list(10);
      return queue.discard(entry!.ref, 10, async () => {
        throw new Error('the disk is full');
      });
    });
    await expect(failing).rejects.toThrow('the disk is full');
    await until('both are there', async () => (await vhost.ready(QUEUES.review)) === 2);

    const written: string[] = [];
    await withQueue(async (queue) => {
      const [entry] = await queue.list(10);
      await queue.discard(entry!.ref, 10, async ({ ref }) => void written.push(ref));
    });
    expect(written).toHaveLength(1);
    const [left, ...others] = await vhost.drain(QUEUES.review);
    expect(others).toEqual([]);
    expect(left!.properties.messageId).toBe('second');
  });

  test('may be looked at again and again: the broker’s delivery limit does not drop a message', async () => {
    await vhost.channel.deleteQueue(QUEUES.review);
    await vhost.channel.assertQueue(QUEUES.review, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 10 },
    });
    await vhost.channel.bindQueue(QUEUES.review, EXCHANGE, ROUTING_KEYS.review);
    await deadLetter(message(BALLOTS[0]), 'first');
    for (let look = 0; look < 25; look++) {
      const entries = await withQueue((queue) => queue.list(10));
      expect(entries).toMatchObject([{ from: QUEUES.validation, votes: 1 }]);
      await until('it is back', async () => (await vhost.ready(QUEUES.review)) === 1);
    }
  });
});
