import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { environmentUrls } from '../support/environment-urls.ts';
import { RedisStore } from './sim-redis.ts';
import { whileTimeLasts } from './while-time-lasts.ts';

/** What the model believes of Redis, held against Redis: the same scripts and commands give the same, and leave the same. */

const script = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const scripts = {
  decide: script('services/validation/src/decide.lua'),
  add: script('operator/src/electorate/add-voters.lua'),
  count: script('operator/src/electorate/count-voters.lua'),
  restore: script('operator/src/electorate/restore-marks.lua'),
};

const prefix = `scrutin:{model-${randomBytes(6).toString('hex')}/0}:`;
const meta = `${prefix}meta`;
let redis: Redis;
beforeAll(() => {
  redis = new Redis(environmentUrls().REDIS_URL);
});
const empty = async () => {
  const keys = await redis.keys(`${prefix.replaceAll(/[{}]/g, '?')}*`);
  if (keys.length > 0) await redis.del(...keys);
};
afterAll(async () => {
  await empty();
  redis.disconnect();
});

const bucket = fc.constantFrom('000000', '000001');
const field = fc.constantFrom(
  ...Array.from({ length: 4 }, (_, i) =>
    Buffer.from([i, 255, 0, 10, 13, 128, i, 7, 200, 36]).toString('latin1'),
  ),
);
const tag = fc.constantFrom('\0\xff\n\r\x80abc', '\x01\xfe\n\r\x80abc', '        ');
const law = fc.constantFrom('\0\0', '\0\x01');
const packed = (...parts: fc.Arbitrary<string>[]) =>
  fc
    .array(
      fc.tuple(...parts).map((each) => each.join('')),
      { maxLength: 6 },
    )
    .map((each) => each.join(''));
const layout = fc.constantFrom(['1', '1'], ['1', '1'], ['1', '1'], ['2', '1']);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('decide' as const), layout, packed(bucket, field, tag, law)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('restore' as const), layout, packed(bucket, field)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('add' as const), fc.constantFrom(['a'], ['b']), packed(bucket, field)),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('count' as const), fc.constant(['0']), fc.constant('1')) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('state' as const),
      fc.constantFrom(['loading'], ['ready'], ['absent']),
      fc.constant(''),
    ),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const argumentsOf = ([name, head, votes]: Step): string[] => {
  if (name === 'decide') return [...head, votes, 'loi-1', 'loi-2'];
  return name === 'restore' ? [...head, 'loi-1', votes] : [...head, votes];
};

async function onRedis(each: Step): Promise<unknown> {
  const [name, [state = '']] = each;
  if (name === 'state')
    return state === 'absent'
      ? redis.unlink(meta)
      : redis.hset(meta, { state, source: 'a', shards: '1', bucketBits: '1' });
  const args = argumentsOf(each).map((argument) => Buffer.from(argument, 'latin1'));
  return redis.eval(scripts[name], 1, meta, ...args).catch((error: Error) => error.message.split('\n')[0]);
}

function onModel(store: RedisStore, each: Step): unknown {
  const [name, [state = '']] = each;
  if (name === 'state')
    return state === 'absent'
      ? store.command('UNLINK', [meta])
      : store.command('HSET', [meta, 'state', state, 'source', 'a', 'shards', '1', 'bucketBits', '1']);
  try {
    return store.script(scripts[name], meta, argumentsOf(each));
  } catch (error) {
    return (error as Error).message;
  }
}

async function dump(): Promise<Record<string, Record<string, string>>> {
  const keys = await redis.keys(`${prefix.replaceAll(/[{}]/g, '?')}*`);
  const hashes = await Promise.all(
    keys.map(async (key) => {
      const flat = (await redis.callBuffer('HGETALL', key)) as Buffer[];
      const text = flat.map((bytes) => bytes.toString('latin1'));
      return [
        key,
        Object.fromEntries(text.flatMap((name, i) => (i % 2 ? [] : [[name, text[i + 1]!]]))),
      ] as const;
    }),
  );
  return Object.fromEntries(hashes);
}

test('scripts decide, add, count and mark in the simulated Redis as in Redis', async () => {
  const limited = whileTimeLasts(20, async (steps: Step[]) => {
    await empty();
    const store = new RedisStore();
    const ready: Step = ['state', ['ready'], ''];
    for (const each of [ready, ...steps]) expect(onModel(store, each)).toEqual(await onRedis(each));
    expect(store.dump()).toEqual(await dump());
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), limited.run), { numRuns: 80 });
  expect(limited.runs).toBeGreaterThan(0);
}, 60_000);

test('what the simulated Redis takes back was never done', () => {
  const property = fc.property(
    fc.array(step, { maxLength: 8 }),
    fc.array(step, { maxLength: 8 }),
    (kept, lost) => {
      const store = new RedisStore();
      for (const each of kept) onModel(store, each);
      const before = store.dump();
      const commands = store.commands;
      for (const each of lost) onModel(store, each);
      store.forget(store.commands - commands);
      expect(store.dump()).toEqual(before);
    },
  );
  fc.assert(property, { numRuns: 300 });
});
