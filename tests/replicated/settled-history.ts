import { idempotentBallotId } from '@scrutin/shared/ballot-id.ts';
import type { VoteStatus } from '@scrutin/shared/status.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import type { Elector } from '../../load-tests/plan-votes.ts';
import type { SteadyVote } from './steady-votes.ts';

/** The id of a vote's ballot, which its client knows from the answer, if it got one. */
export function ballotIdOf(election: { id: string; pepper: string }, cast: SteadyVote): string {
  const { nas, code } = JSON.parse(cast.vote.body) as Elector;
  const pepper = pepperFromHex(election.pepper);
  const voter = voterHash(electorHash(nas, code), pepper);
  return idempotentBallotId(election.id, pepper, cast.idempotencyKey, voter, cast.vote.lawId);
}

/**
 * The history once nothing is under way any more. A vote that never got an answer may have been accepted all the same: it
 * was, if its ballot is on record, and then all holds for it that holds for an accepted one; otherwise it is left out.
 */
export function settledHistory(
  history: readonly SteadyVote[],
  statuses: ReadonlyMap<string, VoteStatus>,
  idOf: (cast: SteadyVote) => string,
): SteadyVote[] {
  return history.flatMap((cast) => {
    if (cast.status !== 0) return [cast];
    const ballotId = idOf(cast);
    return statuses.has(ballotId) ? [{ ...cast, ballotId }] : [];
  });
}
