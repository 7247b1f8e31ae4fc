/**
 * Every Redis key of an election, in one place. `{…}` is a hash tag: all keys of one shard lie on one node
 * of a Redis Cluster, so a script that is given the shard's `meta` key may touch the others.
 */
const tag = (electionId: string, shard: number | '*'): string => `scrutin:{${electionId}/${shard}}:`;

export const redisKeys = {
  /** JSON of the election as the reconciler published it: laws, times, layout. Shard 0's node. */
  election: (electionId: string): string => `${tag(electionId, 0)}election`,
  /** Prefix of all keys of a shard; of every shard, as a glob pattern, with `*`. */
  shard: tag,
  /** Hash: state (`loading` or `ready`), eligible, layout, source, checkpoint of the load. Absent after a loss. */
  meta: (electionId: string, shard: number): string => `${tag(electionId, shard)}meta`,
  /** Hash: which loader may write; ends by itself. Scripts make it from `meta`. Of every shard, as a glob pattern, with `*`. */
  grant: (electionId: string, shard: number | '*'): string => `${tag(electionId, shard)}grant`,
  /** Which ledger the voted marks agree with. Shard 0's node. */
  ledger: (electionId: string): string => `${tag(electionId, 0)}ledger`,
  /** Prefix of the electorate's buckets: hashes of field → empty. Scripts make it from `meta`. */
  electorate: (electionId: string, shard: number): string => `${tag(electionId, shard)}e:`,
  /** Prefix of a law's voted marks: hashes of field → ballot tag, or empty after a rebuild. */
  voted: (electionId: string, shard: number, lawId: string): string => `${tag(electionId, shard)}v:${lawId}:`,
  /** Prefix of ingestion's rate limit windows. Not of an election's state: may be lost at any time. */
  rateLimit: (electionId: string): string => `scrutin:{${electionId}/rate}:`,
} as const;

/** Bytes of the voted mark. */
export const TAG_BYTES = 8;

/**
 * The voted mark: bytes 5 to 12 of the ballot id, 58 bits that are random or the clock's lowest, enough to
 * tell a redelivered ballot from another ballot of the same voter. Were two alike all the same, the tally
 * would tell them apart: PostgreSQL compares all 16 bytes.
 */
export const ballotTag = (ballotId: Buffer): Buffer => ballotId.subarray(5, 5 + TAG_BYTES);
