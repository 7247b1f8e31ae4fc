import { readStatement } from '@scrutin/shared/postgres.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import type pg from 'pg';
import { sumAttempts } from './attempts.ts';
import {
  candidates,
  distinctBallots,
  outranks,
  type RecordedStatus,
  type ValidatedVote,
  type VoterVote,
} from './ballot.ts';
import { Abandoned, inTransaction } from './transaction.ts';

const statement = (name: string) => readStatement(new URL(`./sql/${name}.sql`, import.meta.url));
const sql = {
  knownLaws: statement('known-laws'),
  takePart: statement('take-part'),
  recordBallots: statement('record-ballots'),
  lockBallots: statement('lock-ballots'),
  promoteBallots: statement('promote-ballots'),
  withdrawAttempts: statement('withdraw-attempts'),
  addAttempts: statement('add-attempts'),
  addTotals: statement('add-totals'),
  addToTally: statement('add-to-tally'),
} as const;

/** What became of a batch. */
export interface BatchRecord {
  /** Votes that this batch added to the tally. */
  counted: ValidatedVote[];
  /** Ballots that are now on record as duplicates. */
  duplicates: number;
  /** Ballots that are now on record as invalid. */
  invalid: number;
  /** Deliveries of ballots on record, which changed nothing. */
  redelivered: number;
  /** Votes on laws that the tally does not have. Nothing of them was recorded. */
  unknown: DecidedVote[];
}

/**
 * Records a batch in one transaction: participation, ballots, duplicate attempts and the sums, or nothing.
 * Exact however often a vote is delivered, in whatever batches, to however many aggregations at once (P1-P3):
 *
 * - the unique (law, voter) of participation decides who is counted (P2);
 * - the unique ballot id of vote_audit tells a redelivery from a second attempt (P3);
 * - whoever comes second to either key waits there for the first to commit, then sees what it did. Each
 *   step is a statement of its own for that reason: at READ COMMITTED it sees what was committed before it.
 *
 * Rejects with PostgreSQL's error; the batch may be tried again unless that is a data fault.
 */
export async function recordBatch(pool: pg.Pool, votes: readonly DecidedVote[]): Promise<BatchRecord> {
  /** Ballots found to be counted, under another voter than this delivery says. */
  const settled = new Set<string>();
  for (;;) {
    try {
      return await inTransaction(pool, (client) => record(client, votes, settled));
    } catch (error) {
      if (!(error instanceof CountedElsewhere)) throw error;
      for (const ballotId of error.ballotIds) settled.add(ballotId);
    }
  }
}

/**
 * A ballot id that is counted came again with a voter who has not voted, and took part in that voter's
 * name. Two votes with one id never leave ingestion; if they did, the transaction starts over without it.
 */
class CountedElsewhere extends Abandoned {
  readonly ballotIds: readonly string[];

  constructor(ballotIds: readonly string[]) {
    super('a counted ballot came again under another voter');
    this.ballotIds = ballotIds;
  }
}

async function record(
  client: pg.PoolClient,
  votes: readonly DecidedVote[],
  settled: ReadonlySet<string>,
): Promise<BatchRecord> {
  const known = await knownLaws(client, votes);
  const unknown = votes.filter((vote) => !known.has(vote.law_id));
  const ballots = distinctBallots(votes).filter(
    ({ law_id, ballot_id }) => known.has(law_id) && !settled.has(ballot_id),
  );
  const counted = await takePart(client, candidates(ballots));
  const statusOf = (ballot: DecidedVote): RecordedStatus => {
    if (ballot.status !== 'validated') return ballot.status;
    return counted.has(ballot.ballot_id) ? 'aggregated' : 'duplicate';
  };
  const outcomes = ballots.map((ballot) => ({ ballot, status: statusOf(ballot), before: undefined }));
  const seen = await recordBallots(client, outcomes);
  const risen = seen.length === 0 ? [] : await promote(client, seen);
  const seenBefore = new Set(seen);
  const changes: Change[] = [...outcomes.filter((outcome) => !seenBefore.has(outcome)), ...risen];
  await writeAttempts(client, changes);
  const added = [...counted.values()];
  const net = (status: RecordedStatus) =>
    changes.filter((change) => change.status === status).length -
    risen.filter((change) => change.before === status).length;
  const redelivered = votes.length - unknown.length - changes.length;
  await addTotals(client, {
    ballots_recorded: changes.length - risen.length,
    batches_recorded: 1,
    votes_counted: added.length,
    votes_duplicate: net('duplicate'),
    votes_invalid: net('invalid'),
    votes_redelivered: redelivered,
  });
  await addToTally(client, added);
  const now = (status: RecordedStatus) => changes.filter((change) => change.status === status).length;
  return { counted: added, duplicates: now('duplicate'), invalid: now('invalid'), redelivered, unknown };
}

/** A ballot's status as it is decided now, and the one that it had. */
interface Change {
  ballot: DecidedVote;
  status: RecordedStatus;
  before: RecordedStatus | undefined;
}

async function knownLaws(client: pg.PoolClient, votes: readonly DecidedVote[]): Promise<Set<string>> {
  const laws = [...new Set(votes.map((vote) => vote.law_id))];
  const { rows } = await client.query<{ law_id: string }>({ ...sql.knownLaws, values: [laws] });
  return new Set(rows.map((row) => row.law_id));
}

/** The votes that count, by ballot id: those whose voter had not taken part yet. */
async function takePart(
  client: pg.PoolClient,
  ballots: readonly ValidatedVote[],
): Promise<Map<string, ValidatedVote>> {
  if (ballots.length === 0) return new Map();
  const { rows } = await client.query<{ position: number }>({
    ...sql.takePart,
    values: [ballots.map((ballot) => ballot.law_id), ballots.map((ballot) => ballot.voter)],
  });
  const late = new Set(rows.map((row) => row.position));
  return new Map(ballots.filter((_, i) => !late.has(i)).map((ballot) => [ballot.ballot_id, ballot]));
}

/** Records what has not been recorded, and returns the rest. */
async function recordBallots(client: pg.PoolClient, outcomes: readonly Change[]): Promise<Change[]> {
  if (outcomes.length === 0) return [];
  const { rows } = await client.query<{ position: number }>({
    ...sql.recordBallots,
    values: [
      outcomes.map(({ ballot }) => ballot.ballot_id),
      outcomes.map(({ ballot }) => ballot.law_id),
      outcomes.map(({ status }) => status),
      outcomes.map(metadataOf),
    ],
  });
  return rows.map((row) => outcomes[row.position]!);
}

/** Raises ballots on record to what is decided now, where that is more, and returns those. */
async function promote(client: pg.PoolClient, seen: readonly Change[]): Promise<Change[]> {
  const { rows } = await client.query<{ ballot_id: string; status: RecordedStatus }>({
    ...sql.lockBallots,
    values: [seen.map(({ ballot }) => ballot.ballot_id)],
  });
  const before = new Map(rows.map((row) => [row.ballot_id, row.status]));
  const elsewhere = seen.filter(
    ({ ballot, status }) => status === 'aggregated' && before.get(ballot.ballot_id) === 'aggregated',
  );
  if (elsewhere.length > 0) throw new CountedElsewhere(elsewhere.map(({ ballot }) => ballot.ballot_id));
  const risen = seen
    .map((outcome) => ({ ...outcome, before: before.get(outcome.ballot.ballot_id)! }))
    .filter((outcome) => outranks(outcome.status, outcome.before));
  if (risen.length > 0)
    await client.query({
      ...sql.promoteBallots,
      values: [
        risen.map(({ ballot }) => ballot.ballot_id),
        risen.map(({ status }) => status),
        risen.map(metadataOf),
      ],
    });
  return risen;
}

/** Null for a ballot that was simply counted. */
function metadataOf({ ballot, status, before }: Change): string | null {
  if (status === 'aggregated' && before === undefined) return null;
  const decidedBy = ballot.status === 'validated' ? 'tally' : 'filter';
  return JSON.stringify({ decided_by: decidedBy, ...(before && { decided_before: before }) });
}

async function writeAttempts(client: pg.PoolClient, changes: readonly Change[]): Promise<void> {
  const votesOf = (wanted: (change: Change) => boolean): VoterVote[] =>
    changes.filter(wanted).flatMap(({ ballot }) => (ballot.status === 'invalid' ? [] : [ballot]));
  const withdrawn = sumAttempts(votesOf((change) => change.before === 'duplicate'));
  if (withdrawn.length > 0)
    await client.query({
      ...sql.withdrawAttempts,
      values: [
        withdrawn.map((sum) => sum.law_id),
        withdrawn.map((sum) => sum.voter),
        withdrawn.map((sum) => sum.count),
      ],
    });
  const added = sumAttempts(votesOf((change) => change.status === 'duplicate'));
  if (added.length > 0)
    await client.query({
      ...sql.addAttempts,
      values: [
        added.map((sum) => sum.law_id),
        added.map((sum) => sum.voter),
        added.map((sum) => sum.count),
        added.map((sum) => sum.firstAt),
        added.map((sum) => sum.lastAt),
        added.map((sum) => JSON.stringify(sum.ips)),
        added.map((sum) => JSON.stringify(sum.agents)),
      ],
    });
}

async function addTotals(client: pg.PoolClient, totals: Record<string, number>): Promise<void> {
  const changed = Object.entries(totals).filter(([, added]) => added !== 0);
  await client.query({
    ...sql.addTotals,
    values: [changed.map(([name]) => name), changed.map(([, added]) => added)],
  });
}

async function addToTally(client: pg.PoolClient, added: readonly ValidatedVote[]): Promise<void> {
  if (added.length === 0) return;
  const sums = new Map<string, { oui: number; non: number }>();
  for (const { law_id, vote } of added) {
    const sum = sums.get(law_id) ?? { oui: 0, non: 0 };
    sum[vote]++;
    sums.set(law_id, sum);
  }
  const { rowCount } = await client.query({
    ...sql.addToTally,
    values: [
      [...sums.keys()],
      [...sums.values()].map((sum) => sum.oui),
      [...sums.values()].map((sum) => sum.non),
    ],
  });
  // A law that went away between two statements: roll back rather than lose its votes.
  if (rowCount !== sums.size) throw new Abandoned('a law is gone from the tally');
}
