import { randomBytes } from 'node:crypto';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import { encodeVotes, type PendingVote } from '@scrutin/shared/vote-message.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import { layoutFor } from '@scrutin/shared/voter-slot.ts';
import { connect } from 'amqplib';
import pg from 'pg';
import { Electorate } from '../../operator/src/electorate/electorate.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import { dropLedger, migrateLedger } from '../../operator/src/ledger/migrate.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { recordBatch } from '../../services/aggregation/src/record-batch.ts';
import { decideVotes } from '../../services/validation/src/decide.ts';
import { toDecidedVote } from '../../services/validation/src/outcome.ts';
import { freePort } from '../../tests/support/stage-process.ts';
import type { Elector } from '../plan-votes.ts';
import type { LoadReport } from './cast-load.ts';
import { runProgram, startProgram, stopProgram } from './child.ts';
import { makeVirtualHost, withPath } from './yardstick.ts';

const silent = createLog({ stage: 'bench', level: 'silent' });
const LAW = 'loi-1';
const VOTES_PER_BATCH = 1_024;

/** Requests per second of a server that only answers, asked by the same load generator. */
export async function httpAlone(bodiesFile: string, connections: number): Promise<number> {
  const port = await freePort();
  const server = await startProgram('bare-http.ts', { PORT: String(port) });
  try {
    const report = await runProgram<LoadReport>('cast-load.ts', [
      `http://127.0.0.1:${port}`,
      String(connections),
      bodiesFile,
    ]);
    return report.accepted / ((report.lastAnswer - report.firstPost) / 1000);
  } finally {
    await stopProgram(server);
  }
}

/** Messages per second that a quorum queue confirms, `votesPerMessage` votes in each, 64 under way at a time. */
export async function publishesAlone(
  urls: ServerUrls,
  votes: readonly PendingVote[],
  votesPerMessage: number,
  messages: number,
): Promise<number> {
  const name = `bench-${randomBytes(4).toString('hex')}`;
  const vhost = await makeVirtualHost(urls.RABBITMQ_MANAGEMENT_URL, name);
  const model = await connect(withPath(urls.RABBITMQ_URL, name), { noDelay: true });
  try {
    const channel = await model.createConfirmChannel();
    await channel.assertQueue('queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const content = encodeVotes(votes.slice(0, votesPerMessage));
    const start = performance.now();
    let sent = 0;
    const publishOne = () =>
      new Promise<void>((resolve, reject) =>
        channel.publish('', 'queue', content, { persistent: true }, (error) =>
          error ? reject(error) : resolve(),
        ),
      );
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (sent++ < messages) await publishOne();
      }),
    );
    return messages / ((performance.now() - start) / 1000);
  } finally {
    await model.close();
    await vhost.remove();
  }
}

/** Votes per second that validation's script decides, four batches of 1,024 under way at a time. */
export async function decisionsAlone(urls: ServerUrls, votes: readonly PendingVote[]): Promise<number> {
  const id = `bench-${randomBytes(4).toString('hex')}`;
  const redis = connectRedis({ url: urls.REDIS_URL, log: silent });
  await redisReady(redis);
  const electorate = new Electorate(redis, id);
  const layout = layoutFor(votes.length);
  try {
    await electorate.begin({ layout, digest: 'bench', pepperId: 'bench' });
    for (const batch of batches(votes))
      await electorate.add(batch.map(({ voter }) => Buffer.from(voter, 'hex')));
    await electorate.finish();
    const queue = [...batches(votes)];
    const start = performance.now();
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let batch = queue.pop(); batch; batch = queue.pop())
          await decideVotes(redis, { id, layout }, batch);
      }),
    );
    return votes.length / ((performance.now() - start) / 1000);
  } finally {
    await electorate.remove();
    redis.disconnect();
  }
}

/** Votes per second that aggregation's transaction records, batches of 1,024 one after another. */
export async function recordsAlone(urls: ServerUrls, votes: readonly PendingVote[]): Promise<number> {
  const databaseUrl = withPath(urls.DATABASE_URL, `bench_${randomBytes(4).toString('hex')}`);
  await migrateLedger(databaseUrl, silent);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  try {
    await new Ledger(pool).ensureLaws([LAW]);
    const decided = votes.map((vote) => toDecidedVote(vote, 'validated'));
    const start = performance.now();
    for (const batch of batches(decided)) await recordBatch(pool, batch);
    return votes.length / ((performance.now() - start) / 1000);
  } finally {
    await pool.end();
    await dropLedger(databaseUrl);
  }
}

/** Votes as ingestion would publish them, one an elector. */
export function pendingVotes(electors: readonly Elector[]): PendingVote[] {
  const pepper = pepperFromHex(randomBytes(32).toString('hex'));
  return electors.map(({ nas, code }) => ({
    ballot_id: newBallotId('bench'),
    voter: voterHash(electorHash(nas, code), pepper).toString('hex'),
    law_id: LAW,
    vote: 'oui',
    timestamp: timestamp(Date.now()),
    status: 'pending',
    duplicate_count: 0,
  }));
}

function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += VOTES_PER_BATCH)
    yield items.slice(start, start + VOTES_PER_BATCH);
}
