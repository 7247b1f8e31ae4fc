import { Cluster, Redis } from 'ioredis';
import type { Log } from './log.ts';

/** A single Redis or a Redis Cluster, behind the commands that both have. */
export type RedisConnection = Redis | Cluster;

export interface RedisOptions {
  url: string;
  /** `host:port,host:port`; user and password are taken from `url`. */
  clusterNodes?: string | undefined;
  log: Log;
  /** A command that has had no answer for so long fails. Milliseconds. */
  commandTimeout?: number;
}

/**
 * Connects to Redis and keeps connected: after a loss it tries again for ever, with a pause of at most a
 * second. Commands fail at once while it is away (no hidden queue, P6): whoever needs an answer retries.
 */
export function connectRedis({
  url,
  clusterNodes,
  log,
  commandTimeout = 5_000,
}: RedisOptions): RedisConnection {
  const address = new URL(url);
  const shared = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout,
    // A command that ran out of time says nothing of its connection: without this, one that has become half-open
    // (a lost route, a server that was switched off) would be kept, and each further command would be lost too.
    socketTimeout: commandTimeout,
    connectTimeout: 5_000,
    autoResendUnfulfilledCommands: false,
    keepAlive: 5_000,
  } as const;
  const credentials = {
    ...(address.username && { username: decodeURIComponent(address.username) }),
    ...(address.password && { password: decodeURIComponent(address.password) }),
    ...(address.protocol === 'rediss:' && { tls: {} }),
  };
  const redis = clusterNodes
    ? new Cluster(
        clusterNodes.split(',').map((node) => {
          const at = node.lastIndexOf(':');
          return { host: node.slice(0, at), port: Number(node.slice(at + 1)) };
        }),
        {
          enableOfflineQueue: false,
          clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
          redisOptions: { ...shared, ...credentials },
        },
      )
    : new Redis(url, {
        ...shared,
        retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
        reconnectOnError: becameReplica(),
      });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) log.warn({ err: error }, 'Redis is away; trying again');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.info('Redis is back');
    away = false;
  });
  return redis;
}

/**
 * A primary that has become a replica keeps its connections and refuses whatever is written: only a new connection leads to
 * whoever the address names now. At most one a second, should that be a replica too.
 */
function becameReplica(): (error: Error) => boolean {
  let leftAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    const now = performance.now();
    if (!message.startsWith('READONLY') || now - leftAt < 1_000) return false;
    leftAt = now;
    return true;
  };
}

/** Resolves once Redis answers, or rejects after `timeout` milliseconds. */
export async function redisReady(redis: RedisConnection, timeout = 10_000): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off('ready', ready);
      reject(new Error(`Redis did not answer within ${timeout} ms`));
    }, timeout);
    const ready = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once('ready', ready);
  });
}

/** The nodes that hold the keys: the one Redis, or a Cluster’s primaries. Throws while a Cluster’s are unknown. */
export function primaries(redis: RedisConnection): Redis[] {
  if (redis instanceof Redis) return [redis];
  const nodes = redis.nodes('master');
  if (nodes.length === 0) throw new Error('no node of the Redis Cluster is known yet');
  return nodes;
}
