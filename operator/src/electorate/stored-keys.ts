import { primaries, type RedisConnection } from '@scrutin/shared/redis.ts';

/** Keys that a `SCAN` looks at before it answers; a Redis with others' keys in it is not held up. */
const SCAN_COUNT = 1_000;

/** Batches of the keys that match a glob pattern, on every primary. May give a key twice, as SCAN does. */
export async function* storedKeys(redis: RedisConnection, pattern: string): AsyncGenerator<string[]> {
  for (const node of primaries(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
      if (keys.length > 0) yield keys;
      cursor = next;
    } while (cursor !== '0');
  }
}

/** Number of the shard that a key belongs to; NaN if it is none's. */
export const shardNumber = (key: string): number => Number(/\/(\d+)\}/.exec(key)?.[1] ?? Number.NaN);

/** Removes keys. Those of one hash tag go together, since a Redis Cluster takes no others in one command. */
export async function unlinkKeys(redis: RedisConnection, keys: readonly string[]): Promise<void> {
  const bySlot = Map.groupBy(keys, (key) => /\{[^}]*\}/.exec(key)?.[0] ?? key);
  await Promise.all([...bySlot.values()].map((together) => redis.unlink(...together)));
}
