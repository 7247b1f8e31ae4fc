import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import type { ElectorateLayout } from '@scrutin/shared/voter-slot.ts';

/** What is being loaded: a load with the same of all three goes on where the last one stopped. */
export interface ElectorateSource {
  layout: ElectorateLayout;
  /** SHA-256 of the source, hexadecimal. */
  digest: string;
  /** Tells two peppers apart and gives neither away. */
  pepperId: string;
}

export interface ElectorateState {
  /** `absent`: never loaded, or lost, also in part. */
  state: 'absent' | 'loading' | 'ready';
  layout?: ElectorateLayout;
  /** Distinct voters that are there. */
  eligible: number;
  /** Hashes of the source that have been dealt with, duplicates included; the source's bad lines. */
  processed: number;
  errors: number;
  /** SHA-256 of the source, hexadecimal. */
  source?: string;
  pepperId?: string;
}

/** What a shard's meta key says. */
export interface ShardState extends ElectorateState {
  number: number;
  /** The servers on which the load that goes on there has begun, as `Electorate.serverRuns` names them. */
  runs?: string;
}

export async function readShard(
  redis: RedisConnection,
  electionId: string,
  number: number,
): Promise<ShardState> {
  const meta = await redis.hgetall(redisKeys.meta(electionId, number));
  const { state, shards, bucketBits, source, pepper, runs } = meta;
  return {
    number,
    state: state === 'ready' || state === 'loading' ? state : 'absent',
    ...(shards !== undefined &&
      bucketBits !== undefined && { layout: { shards: Number(shards), bucketBits: Number(bucketBits) } }),
    eligible: Number(meta.eligible ?? 0),
    processed: Number(meta.processed ?? 0),
    errors: Number(meta.errors ?? 0),
    // Empty: that of none, while a new load begins.
    ...(source && { source }),
    ...(pepper !== undefined && { pepperId: pepper }),
    ...(runs !== undefined && { runs }),
  };
}

/** True if the shard holds voters of this source, pepper and layout only. */
export const loadedFrom = (shard: ShardState, { layout, digest, pepperId }: ElectorateSource): boolean =>
  shard.state !== 'absent' &&
  shard.source === digest &&
  shard.pepperId === pepperId &&
  shard.layout?.shards === layout.shards &&
  shard.layout.bucketBits === layout.bucketBits;

/** The state of the whole: as far as the shard that has come least far. */
export function overallState(shards: readonly ShardState[]): ElectorateState {
  const { number: _, runs: __, ...first } = shards[0]!;
  const alike = shards.every(
    ({ layout, source, pepperId }) =>
      source === first.source &&
      pepperId === first.pepperId &&
      layout?.shards === first.layout?.shards &&
      layout?.bucketBits === first.layout?.bucketBits,
  );
  const every = (state: ElectorateState['state']) => shards.every((shard) => shard.state === state);
  const some = (state: ElectorateState['state']) => shards.some((shard) => shard.state === state);
  return {
    ...first,
    state: some('absent') || !alike ? 'absent' : every('ready') ? 'ready' : 'loading',
    eligible: shards.reduce((sum, { eligible }) => sum + eligible, 0),
    processed: Math.min(...shards.map(({ processed }) => processed)),
  };
}
