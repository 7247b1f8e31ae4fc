import { type PublishedElection, publishedElectionSchema } from '@scrutin/shared/election.ts';
import { primaries, type RedisConnection } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { RedisScript } from '@scrutin/shared/redis-script.ts';
import {
  BUCKET_DIGITS,
  bucketOf,
  type ElectorateLayout,
  FIELD_BYTES,
  fieldOf,
  shardOf,
} from '@scrutin/shared/voter-slot.ts';
import {
  type ElectorateSource,
  type ElectorateState,
  loadedFrom,
  overallState,
  readShard,
  type ShardState,
} from './electorate-state.ts';
import { LoadGrants } from './load-grants.ts';
import { shardNumber, storedKeys, unlinkKeys } from './stored-keys.ts';

const countVoters = new RedisScript(new URL('./count-voters.lua', import.meta.url));
const GRANTED = new URL('./granted.lua', import.meta.url);
const beginShard = new RedisScript(GRANTED, new URL('./begin-shard.lua', import.meta.url));
const addVoters = new RedisScript(GRANTED, new URL('./add-voters.lua', import.meta.url));
const changeShard = new RedisScript(GRANTED, new URL('./change-shard.lua', import.meta.url));
const restoreMarks = new RedisScript(GRANTED, new URL('./restore-marks.lua', import.meta.url));
const removeKeys = new RedisScript(GRANTED, new URL('./remove-keys.lua', import.meta.url));

const PACKED_BYTES = BUCKET_DIGITS + FIELD_BYTES;
/** Buckets that one script call counts: well under a millisecond. */
const BUCKETS_PER_COUNT = 1_024;

type ShardFields = Record<string, string | number>;

/** The electorate that was being loaded is no longer: Redis was lost, or another load has begun. */
export class LoadInterrupted extends Error {
  override name = 'LoadInterrupted';
  readonly code = 'load-interrupted';
}

/**
 * An election's electorate in Redis, the fast filter in front of PostgreSQL (P2): who may vote, and who has.
 * All but the votes themselves goes through here. Everything may be repeated (P7).
 */
export class Electorate {
  readonly electionId: string;
  readonly #redis: RedisConnection;
  readonly #grant: string;
  #loading: ElectorateSource | undefined;

  /**
   * `grant`: of a loader that may write only while {@link LoadGrants} has given it that. Redis looks at it with each
   * write, so that one which was paused in between, and comes back when another has its place, changes nothing.
   */
  constructor(redis: RedisConnection, electionId: string, grant = '') {
    this.#redis = redis;
    this.electionId = electionId;
    this.#grant = grant;
  }

  /** What is there now. `absent` after a loss, also of a part. */
  async state(): Promise<ElectorateState> {
    const first = await this.#shard(0);
    return overallState([first, ...(await this.#shards(1, first.layout?.shards ?? 1))]);
  }

  /**
   * Starts loading, or goes on: what is there of the same source, layout and pepper is kept, the rest removed.
   * Workers hold their votes from the first change on until {@link finish}. Resolves with what was kept; if
   * that is `ready` already, nothing was changed. Marks stay unless the layout or the pepper is another.
   * Throws {@link LoadInterrupted} if this loader has not the grant that it needs.
   */
  async begin(source: ElectorateSource): Promise<ElectorateState> {
    // Before anything else, since there may be nothing to change.
    await this.#loaderRuns(beginShard, 0, []);
    // Asked before the checkpoints are read: what is lost in between is lost by other runs.
    const runs = await this.serverRuns();
    const shards = await this.#shards(0, source.layout.shards);
    const kept = shards.filter((shard) => loadedFrom(shard, source));
    if (kept.length < shards.length)
      await this.#startOver(source, runs, new Set(kept.map(({ number }) => number)));
    else if (shards.some(({ state }) => state !== 'ready')) {
      // A load that outlives a loss goes on writing checkpoints, behind which voters are missing.
      const mayLack = shards.some((shard) => shard.runs !== runs);
      await this.#changeAll(source, { state: 'loading', runs, ...(mayLack && { processed: 0, errors: 0 }) });
    }
    this.#loading = source;
    return overallState(await this.#shards(0, source.layout.shards));
  }

  async #startOver(source: ElectorateSource, runs: string, keep: ReadonlySet<number>): Promise<void> {
    const pattern = redisKeys.shard(this.electionId, '*');
    // Before anything is removed: a voter who is not found must mean "hold", never "not eligible".
    const stored = new Map<number, ShardState>();
    for await (const keys of storedKeys(this.#redis, `${pattern}meta`))
      for (const key of keys) {
        const number = shardNumber(key);
        const shard = await this.#shard(number);
        const fields = {
          state: 'loading',
          runs,
          processed: 0,
          errors: 0,
          ...(!keep.has(number) && { source: '' }),
        };
        await this.#change(number, '', fields);
        stored.set(number, shard);
      }
    const { shards, bucketBits } = source.layout;
    const keepsMarks = (shard: ShardState | undefined) =>
      shard?.layout?.shards === shards &&
      shard.layout.bucketBits === bucketBits &&
      shard.pepperId === source.pepperId;
    await this.#unlink(`${pattern}e:*`, (number) => !keep.has(number));
    await this.#unlink(`${pattern}v:*`, (number) => !keepsMarks(stored.get(number)));
    await this.#unlink(`${pattern}meta`, (number) => number >= shards);
    for (let number = 0; number < shards; number++) {
      if (keep.has(number)) continue;
      const fields = {
        state: 'loading',
        runs,
        source: source.digest,
        pepper: source.pepperId,
        shards,
        bucketBits,
        eligible: 0,
        processed: 0,
        errors: 0,
      };
      await this.#loaderRuns(beginShard, number, Object.entries(fields).flat());
    }
  }

  /**
   * Adds voters (32 bytes each) to what {@link begin} began. Resolves with the number of those that were not
   * there before. Throws {@link LoadInterrupted} when the load is not going on any more.
   */
  async add(voters: readonly Buffer[]): Promise<number> {
    const { layout, digest } = this.#begun();
    const added = await Promise.all(
      [...packByShard(voters, layout)].map(([shard, packed]) =>
        this.#loaderRuns(addVoters, shard, [digest, packed]),
      ),
    );
    return added.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Writes down how far the load has come: hashes read, bad lines among them. On every shard, after the voters
   * that it counts, so that no shard can come back from its disk with a checkpoint and without the voters.
   */
  async checkpoint(processed: number, errors: number): Promise<void> {
    await this.#changeAll(this.#begun(), { processed, errors });
  }

  /** The load is complete: workers go on. */
  async finish(): Promise<void> {
    const source = this.#begun();
    const shards = await this.#shards(0, source.layout.shards);
    if (shards.some((shard) => shard.source !== source.digest))
      throw new LoadInterrupted('another load has begun, or Redis has lost a shard');
    await this.#changeAll(source, { state: 'ready' });
  }

  /**
   * Marks voters (32 bytes each) as having voted, without a ballot. Resolves with the number of marks that
   * were missing.
   */
  async restoreMarks(batches: AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>): Promise<number> {
    const layout = this.#loading?.layout ?? (await this.state()).layout;
    if (!layout) throw new LoadInterrupted('there is no electorate to restore marks for');
    let restored = 0;
    for await (const { lawId, voters } of batches) {
      const counts = await Promise.all(
        [...packByShard(voters, layout)].map(([shard, packed]) =>
          this.#loaderRuns(restoreMarks, shard, [layout.shards, layout.bucketBits, lawId, packed]),
        ),
      );
      restored += counts.reduce((sum, count) => sum + count, 0);
    }
    return restored;
  }

  /** Counts the voters that are really there: not `ok` when some were evicted or otherwise lost. */
  async audit(): Promise<{ ok: boolean; counted: number }> {
    const { state, layout, eligible } = await this.state();
    if (!layout) return { ok: false, counted: 0 };
    const buckets = 2 ** layout.bucketBits;
    let counted = 0;
    for (let shard = 0; shard < layout.shards; shard++)
      for (let from = 0; from < buckets; from += BUCKETS_PER_COUNT) {
        const to = Math.min(buckets, from + BUCKETS_PER_COUNT) - 1;
        counted += await this.#run(countVoters, shard, [from, to]);
      }
    return { ok: state === 'ready' && counted === eligible, counted };
  }

  /** Publishes the election's document, which the stages follow. */
  async publish(election: PublishedElection): Promise<void> {
    const document = publishedElectionSchema.parse(election);
    await this.#redis.set(redisKeys.election(this.electionId), JSON.stringify(document));
  }

  /** The document as last published, if there is one. */
  async published(): Promise<PublishedElection | undefined> {
    const text = await this.#redis.get(redisKeys.election(this.electionId));
    return text === null ? undefined : publishedElectionSchema.parse(JSON.parse(text));
  }

  /**
   * Removes every mark: nobody has voted, as far as the filter knows. PostgreSQL still does (P2). Resolves with
   * the number of marks that there were.
   */
  async removeMarks(): Promise<number> {
    let removed = 0;
    for await (const keys of storedKeys(this.#redis, `${redisKeys.shard(this.electionId, '*')}v:*`)) {
      const sizes = await Promise.all(keys.map((key) => this.#redis.hlen(key)));
      removed += sizes.reduce((sum, size) => sum + size, 0);
      await unlinkKeys(this.#redis, keys);
    }
    return removed;
  }

  /**
   * Makes the marks agree with a ledger, named by `identity`, if they are another's: a mark of somebody whose vote is
   * in no tally would keep that voter out for good. Votes may go on meanwhile: until a mark is back PostgreSQL alone
   * tells a second ballot (P2). Resolves with the marks before and after, or undefined if nothing was to be done.
   */
  async followLedger(
    identity: string,
    participants: () => AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>,
  ): Promise<{ before: number; after: number } | undefined> {
    const key = redisKeys.ledger(this.electionId);
    const known = await this.#redis.get(key);
    if (known === identity) return undefined;
    let rebuilt: { before: number; after: number } | undefined;
    if (known !== null) {
      const before = await this.removeMarks();
      rebuilt = { before, after: await this.restoreMarks(participants()) };
    }
    // Last, so that what was cut off is done again.
    await this.#redis.set(key, identity);
    return rebuilt;
  }

  /** The marks may be of votes that were lost on their way: {@link followLedger} will make them anew. */
  async doubtMarks(): Promise<void> {
    await this.#redis.set(redisKeys.ledger(this.electionId), 'doubted');
  }

  /** Removes the electorate and its marks; the published document stays. Workers hold their votes. */
  async clear(): Promise<void> {
    const pattern = redisKeys.shard(this.electionId, '*');
    for (const kind of ['meta', 'e:*', 'v:*']) await this.#unlink(pattern + kind);
  }

  /** Removes everything that the election has in Redis. A loader that works, or comes late, brings nothing of it back. */
  async remove(): Promise<void> {
    // First: then no load that needs one changes anything; any other ends when `meta` goes, before the voters do.
    await new LoadGrants(this.#redis, this.electionId).revoke();
    await this.clear();
    for await (const keys of storedKeys(this.#redis, `${redisKeys.shard(this.electionId, '*')}*`))
      await unlinkKeys(this.#redis, keys);
  }

  /** Changes whenever a node was restarted, or another took its place, and may have lost the last second. */
  async serverRuns(): Promise<string> {
    const runs = await Promise.all(
      primaries(this.#redis).map(async (node) => /run_id:(\w+)/.exec(await node.info('server'))?.[1] ?? ''),
    );
    return runs.sort().join(' ');
  }

  #begun(): ElectorateSource {
    if (!this.#loading) throw new LoadInterrupted('no load has begun');
    return this.#loading;
  }

  #shard(number: number): Promise<ShardState> {
    return readShard(this.#redis, this.electionId, number);
  }

  #shards(from: number, to: number): Promise<ShardState[]> {
    return Promise.all(Array.from({ length: Math.max(0, to - from) }, (_, i) => this.#shard(from + i)));
  }

  async #changeAll({ layout, digest }: ElectorateSource, fields: ShardFields): Promise<void> {
    const numbers = Array.from({ length: layout.shards }, (_, number) => number);
    await Promise.all(numbers.map((number) => this.#change(number, digest, fields)));
  }

  async #change(shard: number, digest: string, fields: ShardFields): Promise<void> {
    await this.#loaderRuns(changeShard, shard, [digest, ...Object.entries(fields).flat()]);
  }

  /** A script with granted.lua before it. */
  #loaderRuns(script: RedisScript, shard: number, args: (string | number | Buffer)[]): Promise<number> {
    return this.#run(script, shard, [this.#grant, ...args]);
  }

  async #run(script: RedisScript, shard: number, args: (string | number | Buffer)[]): Promise<number> {
    try {
      return Number(await script.run(this.#redis, redisKeys.meta(this.electionId, shard), args));
    } catch (error) {
      const { message } = error as Error;
      if (!message.startsWith('NOTLOADING')) throw error;
      throw new LoadInterrupted(message.slice('NOTLOADING '.length).split('\n')[0]!, { cause: error });
    }
  }

  async #unlink(pattern: string, wanted: (shard: number) => boolean = () => true): Promise<void> {
    for await (const keys of storedKeys(this.#redis, pattern))
      for (const [number, together] of Map.groupBy(keys, shardNumber))
        if (wanted(number)) await this.#loaderRuns(removeKeys, number, together);
  }
}

function packByShard(voters: readonly Buffer[], layout: ElectorateLayout): Map<number, Buffer> {
  const shards =
    layout.shards === 1 ? new Map([[0, voters]]) : Map.groupBy(voters, (voter) => shardOf(voter, layout));
  const packed = new Map<number, Buffer>();
  for (const [shard, members] of shards) {
    const bytes = Buffer.allocUnsafe(members.length * PACKED_BYTES);
    members.forEach((voter, i) => {
      const at = i * PACKED_BYTES;
      bytes.write(bucketOf(voter, layout), at, 'latin1');
      fieldOf(voter).copy(bytes, at + BUCKET_DIGITS);
    });
    packed.set(shard, bytes);
  }
  return packed;
}
