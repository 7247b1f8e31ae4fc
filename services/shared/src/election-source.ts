import { type PublishedElection, publishedElectionSchema } from './election.ts';
import type { Log } from './log.ts';
import type { RedisConnection } from './redis.ts';
import { redisKeys } from './redis-keys.ts';
import type { RedisWatch } from './redis-watch.ts';
import { type Pepper, pepperId } from './voter-hash.ts';

/** The election as last published, followed in the background. */
export interface ElectionSource {
  /** Undefined until it was read for the first time; afterwards the last known, also while Redis is away. */
  readonly current: PublishedElection | undefined;
  /** Why it can't be used, although it is there; a sentence for the log and for health. */
  readonly refusal: string | undefined;
  stop(): void;
}

const OTHER_PEPPER =
  'VOTER_PEPPER is not the one that the electorate was loaded with: every voter would be a stranger. Put it back';

/**
 * Follows the election's document in Redis. A change (laws, times, suspension) takes effect within
 * `intervalMs`; closing needs no change, the clock is enough. With `pepper` an election whose electorate was loaded with
 * another one is not used: its votes would be accepted, and then none of them could be found on the roll (P1).
 */
export function followElection(
  redis: RedisConnection,
  electionId: string,
  log: Log,
  { intervalMs = 1_000, watch, pepper }: { intervalMs?: number; watch?: RedisWatch; pepper?: Pepper } = {},
): ElectionSource {
  const ask = () => redis.get(redisKeys.election(electionId));
  const askPepper = () => redis.hget(redisKeys.meta(electionId, 0), 'pepper');
  const ownPepper = pepper && pepperId(pepper);
  let refusal: string | undefined;
  let current: PublishedElection | undefined;
  let seen = '';
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const read = async () => {
    try {
      if (ownPepper) {
        // Without an electorate there is nothing to compare with; workers hold the votes until it is there.
        const loadedWith = await askPepper();
        const found = loadedWith !== null && loadedWith !== ownPepper ? OTHER_PEPPER : undefined;
        if (found && found !== refusal) log.error(found);
        refusal = found;
      }
      const text = await (watch ? watch.call('read-election', ask) : ask());
      if (text !== null && text !== seen) {
        current = publishedElectionSchema.parse(JSON.parse(text));
        seen = text;
        log.info({ laws: current.laws.map((law) => law.id), closesAt: current.closesAt }, 'election read');
      }
    } catch (error) {
      log.debug({ err: error }, 'the election can’t be read now');
    }
    if (!stopped) timer = setTimeout(read, current ? intervalMs : Math.min(intervalMs, 200));
  };
  void read();
  return {
    get current() {
      return refusal ? undefined : current;
    },
    get refusal() {
      return refusal;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
