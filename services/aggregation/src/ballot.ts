import type { DecidedVote } from '@scrutin/shared/vote-message.ts';

export type RecordedStatus = 'aggregated' | 'duplicate' | 'invalid';

/** A ballot may only rise: what has been counted stays counted, in whatever order deliveries arrive. */
const RANK: Record<RecordedStatus | 'validated', number> = {
  invalid: 0,
  duplicate: 1,
  validated: 2,
  aggregated: 2,
};

export const outranks = (status: RecordedStatus, other: RecordedStatus): boolean =>
  RANK[status] > RANK[other];

export type ValidatedVote = Extract<DecidedVote, { status: 'validated' }>;
export type VoterVote = Exclude<DecidedVote, { status: 'invalid' }>;

/** One voter and law, as the key of a map. */
export const partOf = (vote: { law_id: string; voter: string }): string => `${vote.law_id}\0${vote.voter}`;

/** One vote a ballot: the strongest of its deliveries, of equal ones the first. */
export function distinctBallots(votes: readonly DecidedVote[]): DecidedVote[] {
  const ballots = new Map<string, DecidedVote>();
  for (const vote of votes) {
    const known = ballots.get(vote.ballot_id);
    if (!known || RANK[vote.status] > RANK[known.status]) ballots.set(vote.ballot_id, vote);
  }
  return [...ballots.values()];
}

/** Of each voter and law the first validated ballot: the one that may be counted. */
export function candidates(ballots: readonly DecidedVote[]): ValidatedVote[] {
  const first = new Map<string, ValidatedVote>();
  for (const ballot of ballots) {
    if (ballot.status !== 'validated') continue;
    const part = partOf(ballot);
    if (!first.has(part)) first.set(part, ballot);
  }
  return [...first.values()];
}
