import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { RedisScript } from '@scrutin/shared/redis-script.ts';
import { shardNumber, storedKeys } from './stored-keys.ts';

const grantLoad = new RedisScript(new URL('./grant-load.lua', import.meta.url));
const revokeLoad = new RedisScript(new URL('./revoke-load.lua', import.meta.url));

/** A grant that nobody renews ends, also one that was given too late to be taken back. Milliseconds. */
const GRANT_MS = 3_600_000;

/** Which loader may write an election's electorate: one at a time, and none of an election that is gone. */
export class LoadGrants {
  readonly #redis: RedisConnection;
  readonly #electionId: string;

  constructor(redis: RedisConnection, electionId: string) {
    this.#redis = redis;
    this.#electionId = electionId;
  }

  /**
   * Lets the loader load whose `Electorate` is made with `grant`; one that had another grant changes nothing any more. For
   * an hour, or until {@link revoke}. Resolves with what gives it again where Redis has lost it, and not where another
   * has it by now.
   */
  async give(grant: string, shards: number): Promise<() => Promise<void>> {
    const numbers = new Set(Array.from({ length: shards }, (_, number) => number));
    // What an earlier layout has left beyond is the load's to remove.
    for await (const keys of storedKeys(this.#redis, `${redisKeys.shard(this.#electionId, '*')}*`))
      for (const number of keys.map(shardNumber)) if (!Number.isNaN(number)) numbers.add(number);
    const give = async (again: 0 | 1) => {
      for (const number of numbers) await this.#run(grantLoad, number, [grant, GRANT_MS, again]);
    };
    await give(0);
    return () => give(1);
  }

  /** Ends every load that needs a grant, but that of `except`: once this has resolved it changes nothing any more. */
  async revoke(except = ''): Promise<void> {
    for await (const keys of storedKeys(this.#redis, redisKeys.grant(this.#electionId, '*')))
      for (const key of keys) await this.#run(revokeLoad, shardNumber(key), [except]);
  }

  async #run(script: RedisScript, shard: number, args: (string | number)[]): Promise<void> {
    await script.run(this.#redis, redisKeys.meta(this.#electionId, shard), args);
  }
}
