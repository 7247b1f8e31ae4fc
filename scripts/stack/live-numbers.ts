import { QUEUES } from '@scrutin/shared/topology.ts';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { ServerUrls } from '../servers/servers.ts';
import { connectForReading, readTally, type Tally } from './tally.ts';

export interface QueueNumbers {
  queue: string;
  /** Messages (of up to 128 votes) that wait, and that a consumer holds. */
  ready: number;
  held: number;
  consumers: number;
  /** Messages a second, as the broker has seen lately. */
  in: number;
  out: number;
}

export interface Numbers {
  queues: QueueNumbers[];
  tally: Tally;
  eligible: number;
  phase: string;
  /** Name → value of system_stats. */
  totals: Record<string, number>;
  /** Votes a second that the aggregations recorded in their last interval. */
  recorded: number;
  redisBytes: number;
  databaseBytes: number;
}

/** Reads everything at about one moment. Rejects, naming the server, if one can't be asked. */
export async function readNumbers(urls: ServerUrls): Promise<Numbers> {
  const [queues, ledger, redisBytes] = await Promise.all([
    named('RabbitMQ', readQueues(urls)),
    named('PostgreSQL', readLedger(urls.DATABASE_URL)),
    named('Redis', readRedisMemory(urls.REDIS_URL)),
  ]);
  return { queues, ...ledger, redisBytes };
}

async function named<T>(server: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new Error(
      `${server} can’t be asked: ${(error as Error).message || (error as { code?: string }).code}`,
    );
  }
}

interface ManagedQueue {
  name: string;
  messages_unacknowledged?: number;
  message_stats?: Record<'publish_details' | 'ack_details', { rate: number } | undefined>;
}

async function readQueues(urls: ServerUrls): Promise<QueueNumbers[]> {
  // The management API's numbers are some seconds old; what a queue says of itself is not.
  const model = await connect(urls.RABBITMQ_URL, { timeout: 10_000 });
  model.on('error', () => {});
  try {
    const [managed, channel] = await Promise.all([readManaged(urls), model.createChannel()]);
    channel.on('error', () => {});
    const numbers: QueueNumbers[] = [];
    for (const queue of Object.values(QUEUES)) {
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      const found = managed.find(({ name }) => name === queue);
      numbers.push({
        queue,
        ready: messageCount,
        consumers: consumerCount,
        held: found?.messages_unacknowledged ?? 0,
        in: found?.message_stats?.publish_details?.rate ?? 0,
        out: found?.message_stats?.ack_details?.rate ?? 0,
      });
    }
    return numbers;
  } finally {
    await model.close().catch(() => {});
  }
}

async function readManaged(urls: ServerUrls): Promise<ManagedQueue[]> {
  const vhost = new URL(urls.RABBITMQ_URL).pathname.slice(1);
  const { origin, username, password } = new URL(urls.RABBITMQ_MANAGEMENT_URL);
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetch(`${origin}/api/queues/${vhost}`, {
    headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`its management API answers ${response.status}`);
  return (await response.json()) as ManagedQueue[];
}

async function readLedger(url: string): Promise<Omit<Numbers, 'queues' | 'redisBytes'>> {
  const client = await connectForReading(url, 'npm run stats');
  try {
    const tally = await readTally(client);
    const election = await client.query<{ eligible: string; phase: string }>(
      'select eligible, phase from election',
    );
    const totals = await client.query<{ name: string; value: string }>(
      'select name, value from system_stats',
    );
    const recorded = await client.query<{ rate: number | null }>(
      `select sum(rate) as rate from (
         select distinct on (instance) rate from processing_queue_stats
         where queue = $1 and at > now() - interval '30 seconds' order by instance, at desc) latest`,
      [QUEUES.aggregation],
    );
    const size = await client.query<{ bytes: string }>(
      'select pg_database_size(current_database()) as bytes',
    );
    return {
      tally,
      eligible: Number(election.rows[0]?.eligible ?? 0),
      phase: election.rows[0]?.phase ?? 'not prepared yet',
      totals: Object.fromEntries(totals.rows.map(({ name, value }) => [name, Number(value)])),
      recorded: recorded.rows[0]?.rate ?? 0,
      databaseBytes: Number(size.rows[0]?.bytes ?? 0),
    };
  } finally {
    await client.end().catch(() => {});
  }
}

async function readRedisMemory(url: string): Promise<number> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
  } finally {
    redis.disconnect();
  }
}
