import { randomBytes } from 'node:crypto';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import type { PendingVote } from '@scrutin/shared/vote-message.ts';
import { bucketOf, type ElectorateLayout, fieldOf, shardOf } from '@scrutin/shared/voter-slot.ts';

/** An election of a test's own in Redis, with voters written the way the electorate is. */
export class ElectorateFixture {
  readonly id = `t-${randomBytes(6).toString('hex')}`;
  readonly layout: ElectorateLayout;
  readonly voters: Buffer[] = [];
  readonly #redis: RedisConnection;

  private constructor(redis: RedisConnection, layout: ElectorateLayout) {
    this.#redis = redis;
    this.layout = layout;
  }

  static async create(
    redis: RedisConnection,
    voters: number,
    layout: ElectorateLayout = { shards: 1, bucketBits: 3 },
  ): Promise<ElectorateFixture> {
    const fixture = new ElectorateFixture(redis, layout);
    for (let i = 0; i < voters; i++) {
      const voter = randomBytes(32);
      fixture.voters.push(voter);
      const key = redisKeys.electorate(fixture.id, shardOf(voter, layout)) + bucketOf(voter, layout);
      await redis.hset(key, fieldOf(voter), '');
    }
    await fixture.setState('ready');
    return fixture;
  }

  async setState(state: string): Promise<void> {
    for (let shard = 0; shard < this.layout.shards; shard++)
      await this.#redis.hset(redisKeys.meta(this.id, shard), { state, ...this.layout });
  }

  /** The mark of a voter for a law as it is stored, or null. */
  mark(voter: Buffer, lawId: string): Promise<Buffer | null> {
    return this.#redis.hgetBuffer(this.#markKey(voter, lawId), fieldOf(voter));
  }

  /** A mark as it comes back from PostgreSQL, without a ballot. */
  async restoreMark(voter: Buffer, lawId: string): Promise<void> {
    await this.#redis.hset(this.#markKey(voter, lawId), fieldOf(voter), '');
  }

  /** A new ballot of the voter with this index, or of somebody who is on no roll. */
  ballot(voter: number | 'stranger', lawId = 'loi-1'): PendingVote {
    return {
      ballot_id: newBallotId(this.id),
      voter: (voter === 'stranger' ? randomBytes(32) : this.voters[voter]!).toString('hex'),
      law_id: lawId,
      vote: 'oui',
      timestamp: new Date().toISOString(),
      status: 'pending',
      duplicate_count: 0,
    };
  }

  /** Removes all that the election has; what a lost Redis looks like. */
  async remove(): Promise<void> {
    for (let shard = 0; shard < this.layout.shards; shard++) {
      await this.#redis.unlink(redisKeys.meta(this.id, shard));
      for (let bucket = 0; bucket < 2 ** this.layout.bucketBits; bucket++) {
        const name = bucket.toString(16).padStart(6, '0');
        await this.#redis.unlink(redisKeys.electorate(this.id, shard) + name);
        for (const law of ['loi-1', 'loi-2'])
          await this.#redis.unlink(redisKeys.voted(this.id, shard, law) + name);
      }
    }
    await this.#redis.unlink(redisKeys.election(this.id));
  }

  #markKey(voter: Buffer, lawId: string): string {
    return redisKeys.voted(this.id, shardOf(voter, this.layout), lawId) + bucketOf(voter, this.layout);
  }
}
