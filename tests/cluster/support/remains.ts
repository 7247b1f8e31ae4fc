import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { redisKeys } from '@scrutin/shared/redis-keys.ts';
import { virtualHost } from '@scrutin/shared/topology.ts';
import type { Redis } from 'ioredis';
import { ManagementApi } from '../../../operator/src/broker/management-api.ts';
import { withDatabase } from '../../support/tally-check.ts';
import type { InstalledElection } from './installed-election.ts';
import { PortForward } from './port-forward.ts';

/** What an election has on its servers. */
export interface OnServers {
  virtualHost: boolean;
  database: boolean;
  redisKeys: boolean;
}

export const ALL: OnServers = { virtualHost: true, database: true, redisKeys: true };
export const NOTHING: OnServers = { virtualHost: false, database: false, redisKeys: false };

/** Looks at the election's own servers, past Services and policies. */
export async function onServers(election: InstalledElection): Promise<OnServers> {
  const [host, database, keys] = await Promise.all([
    hasVirtualHost(election),
    hasDatabase(election),
    hasRedisKeys(election),
  ]);
  return { virtualHost: host, database, redisKeys: keys };
}

async function hasVirtualHost(election: InstalledElection): Promise<boolean> {
  const way = await election.openManagement();
  try {
    return (await new ManagementApi(way.url).get('vhosts', virtualHost(election.name))).status === 200;
  } finally {
    await way.close();
  }
}

function hasDatabase(election: InstalledElection): Promise<boolean> {
  return election.withDatabaseUrl((databaseUrl) => {
    const url = new URL(databaseUrl);
    const name = url.pathname.slice(1);
    url.pathname = '/postgres';
    return withDatabase(url.href, async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
      return rowCount === 1;
    });
  });
}

async function hasRedisKeys(election: InstalledElection): Promise<boolean> {
  const way = await PortForward.open(election.namespace, `pod/${election.name}-redis-0`, 6379);
  const url = new URL(await election.secret('scrutin-connections', 'REDIS_URL'));
  url.host = `127.0.0.1:${way.port}`;
  const redis = connectRedis({
    url: url.href,
    log: createLog({ stage: 'test', level: 'silent' }),
  }) as Redis;
  try {
    await redisReady(redis);
    for await (const keys of redis.scanStream({
      match: `${redisKeys.shard(election.name, '*')}*`,
      count: 1_000,
    }))
      if ((keys as string[]).length > 0) return true;
    return false;
  } finally {
    redis.disconnect();
    await way.close();
  }
}

const KINDS = [
  'elections,deployments,statefulsets,replicasets,pods,services,jobs,configmaps,secrets,persistentvolumeclaims',
  'serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers',
  'scaledobjects,triggerauthentications,ingresses',
].join(',');

/** Every object of the election's namespace, as `kind/name`, but for what each namespace has of itself. */
export async function objectsOf(election: InstalledElection): Promise<string[]> {
  const names = (await election.kubectl('get', KINDS, '--output=name')).split('\n').filter(Boolean);
  return names
    .filter((name) => !/^(?:serviceaccount\/default|configmap\/kube-root-ca\.crt)$/.test(name))
    .sort();
}
