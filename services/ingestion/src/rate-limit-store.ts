import { readFileSync } from 'node:fs';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { type ClientRateLimitInfo, MemoryStore, type Options, type Store } from 'express-rate-limit';

const COUNT_REQUEST = readFileSync(new URL('count-request.lua', import.meta.url), 'utf8');

/** A vote waits at most so long for its address to be counted in Redis. Milliseconds. */
const LIMIT_MS = 50;
/** After a failure Redis is left alone for so long. Milliseconds. */
const REST_MS = 1_000;

/**
 * Counts requests in Redis, for all replicas together. A Redis that is away or slow must neither delay votes
 * nor refuse them: then this process counts for itself, and asks Redis again after a second.
 */
export class SharedRateLimitStore implements Store {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #local = new MemoryStore();
  #windowMs = 60_000;
  #restUntil = 0;

  constructor(redis: RedisConnection, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  init(options: Options): void {
    this.#windowMs = options.windowMs;
    this.#local.init(options);
  }

  async increment(key: string): Promise<ClientRateLimitInfo> {
    if (performance.now() >= this.#restUntil && this.#redis.status === 'ready') {
      try {
        return await this.#count(key);
      } catch {
        this.#restUntil = performance.now() + REST_MS;
      }
    }
    return this.#local.increment(key);
  }

  decrement(key: string): Promise<void> {
    return this.#local.decrement(key);
  }

  resetKey(key: string): Promise<void> {
    return this.#local.resetKey(key);
  }

  shutdown(): void {
    this.#local.shutdown();
  }

  /** Rejects when Redis fails or takes longer than the limit. */
  async #count(key: string): Promise<ClientRateLimitInfo> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Redis is slow')), LIMIT_MS);
    });
    const answer = this.#redis.eval(COUNT_REQUEST, 1, this.#prefix + key, this.#windowMs);
    try {
      const [totalHits, left] = (await Promise.race([answer, late])) as [number, number];
      return { totalHits, resetTime: new Date(Date.now() + left) };
    } finally {
      clearTimeout(timer);
      // When it is late it may also fail later.
      answer.catch(() => {});
    }
  }
}
