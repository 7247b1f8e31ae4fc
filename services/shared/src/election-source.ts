import { type PublishedElection, publishedElectionSchema } from './election.ts';
import type { Log } from './log.ts';
import type { RedisConnection } from './redis.ts';
import { redisKeys } from './redis-keys.ts';
import type { RedisWatch } from './redis-watch.ts';

/** The election as last published, followed in the background. */
export interface ElectionSource {
  /** Undefined until it was read for the first time; afterwards the last known, also while Redis is away. */
  readonly current: PublishedElection | undefined;
  stop(): void;
}

/**
 * Follows the election's document in Redis. A change (laws, times, suspension) takes effect within
 * `intervalMs`; closing needs no change, the clock is enough.
 */
export function followElection(
  redis: RedisConnection,
  electionId: string,
  log: Log,
  { intervalMs = 1_000, watch }: { intervalMs?: number; watch?: RedisWatch } = {},
): ElectionSource {
  const ask = () => redis.get(redisKeys.election(electionId));
  let current: PublishedElection | undefined;
  let seen = '';
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const read = async () => {
    try {
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
      return current;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
