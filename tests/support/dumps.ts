import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { QUEUES, virtualHost } from '@scrutin/shared/topology.ts';
import type { Redis } from 'ioredis';
import { ManagementApi } from '../../operator/src/broker/management-api.ts';
import { withDatabase } from './tally-check.ts';

/** Every row of every table of the database, as JSON text, with its table's name. */
export function dumpRows(databaseUrl: string): Promise<{ table: string; row: string }[]> {
  return withDatabase(databaseUrl, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const dump: { table: string; row: string }[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `select row_to_json(t)::text as row from ${name} t`,
      );
      dump.push(...rows.map(({ row }) => ({ table: name, row })));
    }
    return dump;
  });
}

/** Every key of the election in Redis with the bytes of its value, one character a byte. */
export async function dumpRedis(redisUrl: string, electionId: string): Promise<string> {
  const redis = connectRedis({ url: redisUrl, log: createLog({ stage: 'test', level: 'silent' }) }) as Redis;
  await redisReady(redis);
  try {
    let dump = '';
    for await (const keys of redis.scanStream({ match: `scrutin:{${electionId}/*`, count: 1_000 })) {
      if (keys.length === 0) continue;
      const pipeline = redis.pipeline();
      for (const key of keys as string[]) pipeline.dumpBuffer(key);
      const values = (await pipeline.exec()) ?? [];
      (keys as string[]).forEach((key, i) => {
        const value = values[i]![1] as Buffer | null;
        dump += `${key} ${value?.toString('latin1') ?? ''}\n`;
      });
    }
    return dump;
  } finally {
    redis.disconnect();
  }
}

/** The messages that wait in the election's queues, put back after reading. */
export async function dumpQueues(managementUrl: string, electionId: string): Promise<string[]> {
  const api = new ManagementApi(managementUrl);
  const asked = { count: 10_000, ackmode: 'ack_requeue_true', encoding: 'auto' };
  const bodies: string[] = [];
  for (const queue of Object.values(QUEUES)) {
    const { body } = await api.post(asked, 'queues', virtualHost(electionId), queue, 'get');
    bodies.push(...(body as object[]).map((message) => JSON.stringify(message)));
  }
  return bodies;
}
