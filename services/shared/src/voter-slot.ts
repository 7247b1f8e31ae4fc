/**
 * Where a voter stands in Redis. An electorate is a set of hashes of at most a few hundred fields each
 * (Redis keeps those as listpacks, which is what makes 26 bytes a voter possible), so a voter hash is cut
 * into a shard, a bucket and a field:
 *
 *     bytes 0-9    field: 80 bits
 *     bytes 10-13  bucket: the highest `bucketBits` bits
 *     bytes 14-15  shard: modulo `shards`
 *
 * Field and bucket together are 90 bits or more: among a hundred million voters two share a place with a
 * probability below 1e-11, and PostgreSQL, which holds all 256 bits, would still tell them apart (P2).
 */
export interface ElectorateLayout {
  /** Number of shards: 1 on a single Redis, about the number of primaries on a Redis Cluster. 1 to 1024. */
  shards: number;
  /** Number of bits of the bucket number: 2^bits buckets a shard. 0 to 24. */
  bucketBits: number;
}

/** Bytes of a voter's field in its bucket. */
export const FIELD_BYTES = 10;
/** A bucket is named by so many hexadecimal digits. */
export const BUCKET_DIGITS = 6;
/**
 * Voters a bucket holds at the most on average. A bucket that outgrows `hash-max-listpack-entries` becomes a
 * hash table of five times its size; the limit is 512 by default and 128 on some services. Voter hashes
 * spread evenly, so a bucket's size is Poisson distributed: with 80 on average more than 128 come once in
 * ten million buckets.
 */
export const VOTERS_PER_BUCKET = 80;

/** The layout for an electorate of about `voters`: bits such that a bucket holds 40 to 80 voters. */
export function layoutFor(voters: number, shards = 1): ElectorateLayout {
  const perShard = Math.max(1, voters / shards);
  const bucketBits = Math.min(24, Math.max(0, Math.ceil(Math.log2(perShard / VOTERS_PER_BUCKET))));
  return { shards, bucketBits };
}

export const shardOf = (voter: Buffer, layout: ElectorateLayout): number =>
  layout.shards === 1 ? 0 : voter.readUInt16BE(14) % layout.shards;

/** The bucket's name: six lower-case hexadecimal digits. */
export function bucketOf(voter: Buffer, layout: ElectorateLayout): string {
  const bucket = layout.bucketBits === 0 ? 0 : voter.readUInt32BE(10) >>> (32 - layout.bucketBits);
  return bucket.toString(16).padStart(BUCKET_DIGITS, '0');
}

/** The field's bytes, a view into `voter`. */
export const fieldOf = (voter: Buffer): Buffer => voter.subarray(0, FIELD_BYTES);
