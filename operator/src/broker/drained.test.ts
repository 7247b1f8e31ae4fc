import { expect, test } from '@jest/globals';
import { QUEUES } from '@scrutin/shared/topology.ts';
import fc from 'fast-check';
import { isDrained, type MessageCounts } from './drained.ts';

const NONE: MessageCounts = new Map(Object.values(QUEUES).map((queue) => [queue, 0]));
const one = (queue: string): MessageCounts => new Map([...NONE, [queue, 1]]);

/** Answers one after the other, and the last one ever after; counts how often it was asked. */
function answers(...counts: MessageCounts[]) {
  const asked = { times: 0, count: async () => counts[Math.min(asked.times++, counts.length - 1)]! };
  return asked;
}

test.each(Object.values(QUEUES))('a message in %s is enough to say no, at the first look', async (queue) => {
  const asked = answers(one(queue));
  expect(await isDrained(asked.count, 60_000)).toBe(false);
  expect(asked.times).toBe(1);
});

test.each(Object.values(QUEUES))(
  'a message that shows up in %s only once counts are fresh says no',
  async (queue) => {
    expect(await isDrained(answers(NONE, one(queue)).count, 1)).toBe(false);
    expect(await isDrained(answers(NONE, NONE, one(queue)).count, 1)).toBe(false);
    expect(await isDrained(answers(NONE, NONE, NONE, one(queue)).count, 1)).toBe(false);
  },
);

test('empty queues, look after look, are drained', async () => {
  const asked = answers(NONE);
  expect(await isDrained(asked.count, 1)).toBe(true);
  expect(asked.times).toBe(4);
});

test('a queue that is missing, or whose count is unknown, is not empty', async () => {
  const missing = new Map([...NONE].slice(1));
  expect(await isDrained(answers(missing).count, 1)).toBe(false);
  expect(await isDrained(answers(new Map([...NONE, [QUEUES.validation, Number.NaN]])).count, 1)).toBe(false);
});

test('the wait ends with no when it is called off', async () => {
  const calledOff = new AbortController();
  const answer = isDrained(answers(NONE).count, 60_000, calledOff.signal);
  calledOff.abort();
  expect(await answer).toBe(false);
});

test('no vote is overlooked, however long it stays in each queue and however late the counts come', async () => {
  const LAG = 5;
  await fc.assert(
    fc.asyncProperty(
      // How long a vote stays in each queue, the last being review or nothing, and how old each count is.
      fc.array(fc.integer({ min: 1, max: 4 * LAG }), { minLength: 2, maxLength: 3 }),
      fc.infiniteStream(fc.integer({ min: 0, max: LAG - 1 })),
      async (stays, ages) => {
        const path = [QUEUES.validation, QUEUES.aggregation, QUEUES.review];
        // review's messages stay until a person comes
        const leaves = path.map((_, i) =>
          i === 2 ? Number.POSITIVE_INFINITY : stays.slice(0, i + 1).reduce((sum, stay) => sum + stay, 0),
        );
        const arrives = path.map((_, i) => (i === 0 ? 0 : leaves[i - 1]!));
        const visited = stays.length;
        let look = 0;
        const count = async (): Promise<MessageCounts> => {
          const now = look++ * LAG;
          const at = () => now - ages.next().value;
          return new Map(
            path.map((queue, i) => {
              const when = at();
              const there = i < visited && when >= arrives[i]! && when < leaves[i]!;
              return [queue, there ? 1 : 0] as const;
            }),
          );
        };
        const drained = await isDrained(count, 0);
        const last = (look - 1) * LAG;
        const inTally = visited === 2 && last >= leaves[1]!;
        if (drained) expect(inTally).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});
