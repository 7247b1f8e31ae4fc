/**
 * How many votes a second the ledger takes: batches of fresh voters, as the stage records them.
 *
 *     DATABASE_URL=… node services/aggregation/bench/record-batch.ts [connections] [votes a batch] [seconds]
 */
import { randomBytes } from 'node:crypto';
import { freshLedger } from '@scrutin/operator/ledger/testing/fresh-ledger.ts';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import { recordBatch } from '../src/record-batch.ts';

const [connections = 1, size = 1_024, seconds = 5] = process.argv.slice(2).map(Number);
const LAWS = ['loi-1', 'loi-2'] as const;

const freshVotes = (): DecidedVote[] =>
  Array.from({ length: size }, (_, i) => ({
    status: 'validated',
    ballot_id: newBallotId('bench'),
    voter: randomBytes(32).toString('hex'),
    law_id: LAWS[i % LAWS.length]!,
    vote: i % 3 === 0 ? 'non' : 'oui',
    timestamp: timestamp(Date.now()),
    duplicate_count: 0,
  }));

const ledger = await freshLedger(LAWS);
try {
  const pool = ledger.connectAs('scrutin_writer', connections);
  const times: number[] = [];
  const start = performance.now();
  const deadline = start + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < deadline) {
        const votes = freshVotes();
        const begin = performance.now();
        await recordBatch(pool, votes);
        times.push(performance.now() - begin);
      }
    }),
  );
  const elapsed = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const { rows } = await ledger.pool.query<{ total: string }>(
    'select sum(total_votes) as total from vote_results',
  );
  if (Number(rows[0]!.total) !== times.length * size) throw new Error('the tally is not what was recorded');
  console.log(
    JSON.stringify({
      connections,
      batch: size,
      votesPerSecond: Math.round((times.length * size) / elapsed),
      batchMsP50: Number(times[times.length >> 1]!.toFixed(1)),
      batchMsP99: Number(times[Math.floor(times.length * 0.99)]!.toFixed(1)),
    }),
  );
} finally {
  await ledger.drop();
}
