import type { Log } from '@scrutin/shared/log.ts';
import { isDataFault } from '@scrutin/shared/postgres.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import type pg from 'pg';
import { type BatchRecord, recordBatch } from './record-batch.ts';

export interface TallyOptions {
  pool: pg.Pool;
  /** Hands a vote that can't be recorded to a person; resolves once it is safe there. */
  review: (vote: DecidedVote, reason: string) => Promise<void>;
  /** Told after each commit. */
  onRecorded?: (record: BatchRecord) => void;
  log: Log;
  /** What else is logged of a vote: the trace that it is in. */
  traceOf?: (vote: DecidedVote) => { trace_id?: string } | undefined;
}

/** Not a vote's doing: these rows are the ledger's own, and a check that fails there is for a person to mend. */
const OWN_TABLES = new Set(['vote_results', 'system_stats']);

/**
 * Settles votes: when this resolves, each is in the ledger or in review. A vote that PostgreSQL will never
 * take must not keep the others waiting: the batch is halved until the culprit stands alone. Rejects when
 * the ledger or the broker does not answer now; then all of it is safe to repeat.
 */
export async function tally(votes: readonly DecidedVote[], options: TallyOptions): Promise<void> {
  const { pool, review, onRecorded, log, traceOf } = options;
  let record: BatchRecord;
  try {
    record = await recordBatch(pool, votes);
  } catch (error) {
    if (!isVotesFault(error)) throw error;
    if (votes.length > 1) {
      const middle = votes.length >> 1;
      await tally(votes.slice(0, middle), options);
      await tally(votes.slice(middle), options);
      return;
    }
    // The server's own words may hold the row, with its voter (P5): only codes and names are told.
    const { code, constraint } = error;
    const reason = `PostgreSQL refuses it: SQLSTATE ${code}${constraint ? `, ${constraint}` : ''}`;
    const { ballot_id } = votes[0]!;
    log.error({ ballot_id, reason }, 'a vote can’t be recorded; sent to review');
    await review(votes[0]!, reason);
    return;
  }
  onRecorded?.(record);
  const { unknown } = record;
  for (const vote of unknown) {
    const { ballot_id } = vote;
    log.error({ ballot_id }, 'a vote on a law that the tally does not have; sent to review');
    await review(vote, 'the tally has no such law');
  }
  if (!log.isLevelEnabled('debug')) return;
  const counted = new Set(record.counted.map((vote) => vote.ballot_id));
  for (const vote of votes.filter((one) => !unknown.includes(one))) {
    const { ballot_id } = vote;
    log.debug({ ballot_id, counted: counted.has(ballot_id), ...traceOf?.(vote) }, 'vote recorded');
  }
}

const isVotesFault = (error: unknown): error is { code: string; constraint?: string } =>
  isDataFault(error) && !OWN_TABLES.has((error as { table?: string }).table ?? '');
