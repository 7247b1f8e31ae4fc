import { createHmac, type KeyObject } from 'node:crypto';
import { sendProblem } from '@scrutin/shared/http.ts';
import type { RedisConnection } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import type { RedisWatch } from '@scrutin/shared/redis-watch.ts';
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { SharedRateLimitStore } from './rate-limit-store.ts';

export interface RateLimitOptions {
  perMinute: number;
  /** Counts for all replicas together; without it each process counts for itself. */
  redis: RedisConnection | undefined;
  watch?: RedisWatch;
  electionId: string;
  /** Addresses are counted under a keyed hash, so that Redis holds none. */
  key: KeyObject;
  onRefused: () => void;
}

/** Refuses with 429 and Retry-After what comes too often from one address (an IPv6 /56 counts as one). */
export function limitRate(options: RateLimitOptions): RequestHandler {
  const { perMinute, redis, watch, electionId, key, onRefused } = options;
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) =>
      createHmac('sha256', key)
        .update(ipKeyGenerator(request.ip ?? ''))
        .digest('base64url')
        .slice(0, 22),
    ...(redis && { store: new SharedRateLimitStore(redis, redisKeys.rateLimit(electionId), watch) }),
    handler: (_request, response) => {
      onRefused();
      const reset = Number(response.getHeader('Retry-After') ?? 60);
      sendProblem(
        response,
        'rate-limited',
        `At most ${perMinute} votes a minute are taken from one address`,
        {
          retryAfter: reset,
        },
      );
    },
  });
}
