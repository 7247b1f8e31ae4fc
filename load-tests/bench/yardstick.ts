import { randomBytes } from 'node:crypto';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import pg from 'pg';
import { ManagementApi } from '../../operator/src/broker/management-api.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { freePort } from '../../tests/support/stage-process.ts';
import type { Elector } from '../plan-votes.ts';
import { startProgram, stopProgram } from './child.ts';
import type { RoundOptions } from './round.ts';

/** A pipeline that stands ready, as the bench sees it. */
export interface Pipeline {
  url: string;
  counted: RoundOptions['counted'];
  stop: () => Promise<void>;
}

/** The bare pipeline, in a virtual host, a database and Redis keys of its own. */
export async function startYardstick(urls: ServerUrls, electors: readonly Elector[]): Promise<Pipeline> {
  const name = `bench-${randomBytes(4).toString('hex')}`;
  const pepper = randomBytes(32).toString('hex');
  const prefix = `${name}:`;
  const redis = new Redis(urls.REDIS_URL);
  await loadSet(redis, `${prefix}electorate`, electors, pepper);
  const vhost = await makeVirtualHost(urls.RABBITMQ_MANAGEMENT_URL, name);
  const rabbitmqUrl = withPath(urls.RABBITMQ_URL, name);
  await declareQueues(rabbitmqUrl);
  const database = name.replace('-', '_');
  await onDatabase(urls.DATABASE_URL, `create database ${database}`);
  const databaseUrl = withPath(urls.DATABASE_URL, database);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  await pool.query(`create table bare_participation (law_id text, voter bytea, primary key (law_id, voter));
    create table bare_results (law_id text primary key, oui bigint not null, non bigint not null)`);

  const port = await freePort();
  const env = {
    PORT: String(port),
    RABBITMQ_URL: rabbitmqUrl,
    REDIS_URL: urls.REDIS_URL,
    DATABASE_URL: databaseUrl,
    VOTER_PEPPER: pepper,
    PREFIX: prefix,
  };
  const programs = await Promise.all(
    ['bare-ingestion.ts', 'bare-validation.ts', 'bare-aggregation.ts'].map((file) => startProgram(file, env)),
  );
  return {
    url: `http://127.0.0.1:${port}`,
    counted: async () => {
      const { rows } = await pool.query<{ total: number }>(
        'select coalesce(sum(oui + non), 0)::int as total from bare_results',
      );
      return rows[0]!.total;
    },
    stop: async () => {
      await Promise.all(programs.map(stopProgram));
      await pool.end();
      await onDatabase(urls.DATABASE_URL, `drop database ${database} with (force)`);
      await vhost.remove();
      await redis.unlink(`${prefix}electorate`, `${prefix}voted`);
      redis.disconnect();
    },
  };
}

async function loadSet(
  redis: Redis,
  key: string,
  electors: readonly Elector[],
  pepperHex: string,
): Promise<void> {
  const pepper = pepperFromHex(pepperHex);
  for (let start = 0; start < electors.length; start += 10_000) {
    const hashes = electors
      .slice(start, start + 10_000)
      .map(({ nas, code }) => voterHash(electorHash(nas, code), pepper).toString('hex'));
    await redis.sadd(key, ...hashes);
  }
}

/** A virtual host of the bench's own, made by the management API. */
export async function makeVirtualHost(
  managementUrl: string,
  name: string,
): Promise<{ remove: () => Promise<void> }> {
  const api = new ManagementApi(managementUrl);
  await api.put({}, 'vhosts', name);
  await api.put({ configure: '.*', write: '.*', read: '.*' }, 'permissions', name, api.user);
  return {
    remove: async () => {
      await api.delete('vhosts', name);
    },
  };
}

async function declareQueues(url: string): Promise<void> {
  const model = await connect(url);
  const channel = await model.createChannel();
  for (const queue of ['validation_queue', 'aggregation_queue'])
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await model.close();
}

async function onDatabase(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.href;
}
