import { QUEUES, ROUTING_KEYS } from '@scrutin/shared/topology.ts';
import { encodeVotes } from '@scrutin/shared/vote-message.ts';
import { type FaultKind, midway } from '../fault.ts';
import { QueueTap } from '../queue-tap.ts';
import type { Random } from '../random.ts';
import { pauseWithin, stageOf } from '../scene.ts';

/** Deliveries that come again, and in another order than they were sent. */
export const repeatMessages: FaultKind = (random) => {
  const times = random.between(1, 3);
  const order = random.between(0, 1e9);
  let tap: QueueTap;
  return {
    says: `every message so far delivered again, in another order, ${times} times`,
    at: midway(random, 20, 95),
    prepare: async (scene) => {
      tap = await QueueTap.open(scene);
    },
    strike: async (scene) => {
      for (let i = 0; i < times; i++) {
        await tap.publish(shuffledBy(order + i, tap.seen));
        await pauseWithin(scene, 200);
      }
      await tap.close();
    },
  };
};

/** Votes that wait are taken out of the queue and put back in another order. */
export const reorderQueue: FaultKind = (random) => {
  const queue = random.pick([QUEUES.validation, QUEUES.aggregation]);
  const stages =
    queue === QUEUES.validation
      ? (['validation-1', 'validation-2'] as const)
      : (['aggregation-1', 'aggregation-2'] as const);
  const filling = random.between(300, 1_500);
  const order = random.between(0, 1e9);
  let tap: QueueTap;
  return {
    says: `${queue} turned upside down after its workers were away for ${filling} ms`,
    at: midway(random, 5, 70),
    prepare: async (scene) => {
      tap = await QueueTap.open(scene);
    },
    strike: async (scene) => {
      for (const name of stages) {
        scene.down.add(name);
        await stageOf(scene, name).stop('SIGKILL');
      }
      await pauseWithin(scene, filling);
      await tap.reorder(queue, (messages) => shuffledBy(order, messages));
      for (const name of stages) {
        stageOf(scene, name).start();
        scene.down.delete(name);
      }
      await tap.close();
    },
  };
};

/** An order that follows from `seed` alone, however many there are. */
function shuffledBy<T>(seed: number, items: readonly T[]): T[] {
  let state = seed >>> 0;
  const keyed = items.map((item) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return { item, key: state };
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

const hash = 'ab'.repeat(32);
const NOWHERE = '01890000-0000-8000-8000-000000000000';

/** Messages that no stage can use. Each holds its id, by which it is known again in review. */
const POISONS: Readonly<Record<string, (id: string) => { key: 'validation' | 'aggregation'; body: Buffer }>> =
  {
    'no JSON': (id) => ({ key: 'validation', body: Buffer.from(`${id} {"version": 1, "votes": [`) }),
    'no JSON, decided': (id) => ({ key: 'aggregation', body: Buffer.from(`"${id}`) }),
    'another version': (id) => ({
      key: 'validation',
      body: Buffer.from(JSON.stringify({ id, version: 2, votes: [{}] })),
    }),
    'no votes': (id) => ({
      key: 'aggregation',
      body: Buffer.from(JSON.stringify({ id, version: 1, votes: [] })),
    }),
    'too many votes': (id) => ({
      key: 'validation',
      body: Buffer.from(JSON.stringify({ id, version: 1, votes: Array(5_000).fill(0) })),
    }),
    'a vote of another schema': (id) => ({
      key: 'validation',
      body: Buffer.from(JSON.stringify({ version: 1, votes: [{ ballot_id: id, voter: 7 }] })),
    }),
    'members that are no strings': (id) => ({
      key: 'aggregation',
      body: Buffer.from(JSON.stringify({ version: 1, votes: [{ status: 'validated', id, voter: [null] }] })),
    }),
    'a law that is none': (id) => ({
      key: 'aggregation',
      body: encodeVotes([
        {
          status: 'validated',
          ballot_id: NOWHERE,
          voter: hash,
          law_id: id,
          vote: 'oui',
          timestamp: '2026-01-01T00:00:00.000Z',
          duplicate_count: 0,
        },
      ]),
    }),
    huge: (id) => ({ key: 'validation', body: Buffer.from(`${id}${'x'.repeat(8 * 1024 * 1024)}`) }),
    'huge JSON': (id) => ({
      key: 'aggregation',
      body: Buffer.from(JSON.stringify({ id, version: 1, votes: [], more: 'x'.repeat(4 * 1024 * 1024) })),
    }),
    'deep JSON': (id) => ({
      key: 'validation',
      body: Buffer.from(`{"id":"${id}","votes":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
    }),
  };

export const poisonQueues: FaultKind = (random: Random) => {
  const names = Object.keys(POISONS);
  const chosen = Array.from({ length: random.between(3, 10) }, () => random.pick(names));
  let tap: QueueTap;
  return {
    says: `messages that nobody can read: ${chosen.join(', ')}`,
    at: midway(random),
    prepare: async (scene) => {
      tap = await QueueTap.open(scene);
    },
    strike: async (scene) => {
      for (const name of chosen) {
        const id = `poison-${scene.poison.size + 1}`;
        const { key, body } = POISONS[name]!(id);
        scene.poison.add(id);
        await tap.publish([{ routingKey: ROUTING_KEYS[key], content: body }]);
        await pauseWithin(scene, 50);
      }
      await tap.close();
    },
  };
};
