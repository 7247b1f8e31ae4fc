import { readFileSync } from 'node:fs';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import type { RedisWatch } from '@scrutin/shared/redis-watch.ts';
import type { ClientRateLimitInfo, Options, Store } from 'express-rate-limit';

const COUNT_REQUESTS = readFileSync(new URL('count-requests.lua', import.meta.url), 'utf8');

/** Counts are exchanged with Redis so often. Milliseconds. */
const EXCHANGE_MS = 100;
/** Addresses that are remembered at the most (P6); past that the oldest windows are forgotten. */
const MOST_WINDOWS = 100_000;

interface Window {
  /** Requests of all replicas, as far as this process knows. */
  hits: number;
  /** Those of this process that Redis has not been told yet. */
  untold: number;
  /** By the monotonic clock, milliseconds: a wall clock that goes back would keep a client out for as long. */
  endsAt: number;
}

/**
 * Counts requests for all replicas together, in Redis, without a vote ever waiting for it: each process
 * counts at once for itself, and ten times a second adds its counts to those in Redis and takes the sums
 * back. A Redis that is slow or away neither delays a vote nor refuses one; each process then counts alone.
 */
export class SharedRateLimitStore implements Store {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #watch: RedisWatch | undefined;
  readonly #windows = new Map<string, Window>();
  readonly #changed = new Set<string>();
  #windowMs = 60_000;
  #timer: NodeJS.Timeout | undefined;

  constructor(redis: RedisConnection, prefix: string, watch?: RedisWatch) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#watch = watch;
  }

  init(options: Pick<Options, 'windowMs'>): void {
    this.#windowMs = options.windowMs;
  }

  increment(key: string): ClientRateLimitInfo {
    const now = performance.now();
    const window = this.#windowOf(key, now);
    window.hits++;
    window.untold++;
    this.#changed.add(key);
    this.#timer ??= this.#later();
    return { totalHits: window.hits, resetTime: new Date(Date.now() + window.endsAt - now) };
  }

  decrement(key: string): void {
    const window = this.#windowOf(key, performance.now());
    window.hits--;
    window.untold--;
    this.#changed.add(key);
  }

  async resetKey(key: string): Promise<void> {
    this.#windows.delete(key);
    await this.#redis.del(this.#prefix + key);
  }

  shutdown(): void {
    clearTimeout(this.#timer);
  }

  #windowOf(key: string, now: number): Window {
    let window = this.#windows.get(key);
    if (!window || window.endsAt <= now) {
      window = { hits: 0, untold: 0, endsAt: now + this.#windowMs };
      // Deleted first so that the map stays in the order in which windows began.
      this.#windows.delete(key);
      this.#windows.set(key, window);
    }
    return window;
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#exchange(), EXCHANGE_MS).unref();
  }

  async #exchange(): Promise<void> {
    const keys = [...this.#changed];
    this.#changed.clear();
    try {
      // All keys have one hash tag, so that a Redis Cluster takes them in one pipeline.
      const pipeline = this.#redis.pipeline();
      const told = keys.flatMap((key) => {
        const window = this.#windows.get(key);
        if (!window) return [];
        pipeline.eval(COUNT_REQUESTS, 1, this.#prefix + key, window.untold, this.#windowMs);
        return [{ key, window, count: window.untold }];
      });
      const send = () => pipeline.exec();
      const answers = (await (this.#watch ? this.#watch.call('count-requests', send) : send())) ?? [];
      for (const [i, { key, window, count }] of told.entries()) {
        const [error, answer] = answers[i] ?? [new Error('no answer')];
        if (error) {
          this.#changed.add(key);
          continue;
        }
        const [total, left] = answer as [number, number];
        window.untold -= count;
        window.hits = total + window.untold;
        window.endsAt = performance.now() + left;
      }
    } catch {
      // Away: told again with the next exchange.
      for (const key of keys) this.#changed.add(key);
    }
    this.#forget(performance.now());
    this.#timer = this.#changed.size > 0 ? this.#later() : undefined;
  }

  /** Forgets windows that are over; they stand first in the map, or nearly so. */
  #forget(now: number): void {
    for (const [key, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size <= MOST_WINDOWS) return;
      this.#windows.delete(key);
      this.#changed.delete(key);
    }
  }
}
