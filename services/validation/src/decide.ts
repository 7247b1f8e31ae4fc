import { ballotIdBytes } from '@scrutin/shared/ballot-id.ts';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { ballotTag, redisKeys, TAG_BYTES } from '@scrutin/shared/redis-keys.ts';
import { RedisScript } from '@scrutin/shared/redis-script.ts';
import type { PendingVote } from '@scrutin/shared/vote-message.ts';
import {
  BUCKET_DIGITS,
  bucketOf,
  type ElectorateLayout,
  FIELD_BYTES,
  fieldOf,
  shardOf,
} from '@scrutin/shared/voter-slot.ts';
import type { Decision } from './outcome.ts';

const script = new RedisScript(new URL('./decide.lua', import.meta.url));

/** Bytes of a vote in the script's argument. */
const PACKED_BYTES = BUCKET_DIGITS + FIELD_BYTES + TAG_BYTES + 2;

const DECISIONS: Readonly<Record<string, Decision>> = { v: 'validated', d: 'duplicate', i: 'invalid' };

/** The votes of one shard, packed for the script. */
interface ShardBatch {
  /** Index of each in the whole batch. */
  positions: number[];
  packed: Buffer;
  /**
   * Law id → its number in the batch. Every id is taken: a law that ingestion knows may be new to this worker,
   * and it is the tally that holds the laws to count.
   */
  laws: Map<string, number>;
}

/**
 * Decides a batch: one atomic script call a shard. Resolves with a decision for each vote, in their order;
 * of two ballots of one voter the first is validated. The same ballots get the same decisions when they
 * come again (P3), so after an error the whole batch may be tried again.
 *
 * Throws a {@link ScrutinError}: `electorate-not-ready` while the electorate is absent, being loaded, or laid
 * out otherwise than `election` says; `filter-unavailable` when Redis can't be asked.
 */
export async function decideVotes(
  redis: RedisConnection,
  election: Pick<PublishedElection, 'id' | 'layout'>,
  votes: readonly PendingVote[],
): Promise<Decision[]> {
  const decisions = new Array<Decision>(votes.length);
  const batches = packByShard(votes, election.layout);
  await Promise.all(
    [...batches].map(async ([shard, batch]) => {
      const replies = await ask(redis, election, shard, batch);
      batch.positions.forEach((position, i) => {
        decisions[position] = DECISIONS[replies[i]!]!;
      });
    }),
  );
  return decisions;
}

function packByShard(votes: readonly PendingVote[], layout: ElectorateLayout): Map<number, ShardBatch> {
  const batches = new Map<number, ShardBatch>();
  votes.forEach(({ voter: hash, ballot_id, law_id }, position) => {
    const voter = Buffer.from(hash, 'hex');
    const shard = shardOf(voter, layout);
    let batch = batches.get(shard);
    if (!batch) {
      const most = (votes.length - position) * PACKED_BYTES;
      batch = { positions: [], packed: Buffer.allocUnsafe(most), laws: new Map() };
      batches.set(shard, batch);
    }
    const { positions, packed, laws } = batch;
    let at = positions.length * PACKED_BYTES;
    at += packed.write(bucketOf(voter, layout), at, 'latin1');
    at += fieldOf(voter).copy(packed, at);
    at += ballotTag(ballotIdBytes(ballot_id)).copy(packed, at);
    if (!laws.has(law_id)) laws.set(law_id, laws.size);
    packed.writeUInt16BE(laws.get(law_id)!, at);
    positions.push(position);
  });
  return batches;
}

async function ask(
  redis: RedisConnection,
  { id, layout }: Pick<PublishedElection, 'id' | 'layout'>,
  shard: number,
  { positions, packed, laws }: ShardBatch,
): Promise<string> {
  let replies: unknown;
  try {
    replies = await script.run(redis, redisKeys.meta(id, shard), [
      layout.shards,
      layout.bucketBits,
      packed.subarray(0, positions.length * PACKED_BYTES),
      ...laws.keys(),
    ]);
  } catch (error) {
    const { message } = error as Error;
    if (message.startsWith('NOTREADY'))
      throw new ScrutinError('electorate-not-ready', message.slice('NOTREADY '.length).split('\n')[0]!, {
        cause: error,
      });
    throw new ScrutinError('filter-unavailable', 'Redis did not decide the votes', { cause: error });
  }
  if (typeof replies !== 'string' || replies.length !== positions.length)
    throw new ScrutinError('filter-unavailable', 'Redis gave another number of decisions than asked for');
  return replies;
}
