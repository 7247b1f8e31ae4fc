import type { VoteStatus } from '@scrutin/shared/status.ts';
import type { CastVote } from './cast-votes.ts';

/** Accepted ballots of the same elector on the same law, in whatever order they were sent. */
export function ballotsByElector(history: readonly CastVote[]): Map<string, CastVote[]> {
  const groups = new Map<string, CastVote[]>();
  for (const cast of history) {
    if (cast.vote.elector === undefined || cast.ballotId === undefined) continue;
    const key = `${cast.vote.elector}/${cast.vote.lawId}`;
    groups.set(key, [...(groups.get(key) ?? []), cast]);
  }
  return groups;
}

/**
 * What is wrong with the statuses, in sentences: of an elector's accepted ballots on a law exactly one is
 * counted and the others are duplicates; who is on no roll is invalid. Empty if all is right.
 */
export function wrongStatuses(history: readonly CastVote[], statuses: Map<string, VoteStatus>): string[] {
  const wrong: string[] = [];
  for (const [key, ballots] of ballotsByElector(history)) {
    const seen = ballots.map(({ ballotId }) => statuses.get(ballotId!) ?? 'pending').sort();
    const right = ['aggregated', ...Array<VoteStatus>(ballots.length - 1).fill('duplicate')];
    if (seen.join() !== right.join()) wrong.push(`elector ${key}: ${seen.join()}`);
  }
  for (const { vote, ballotId } of history)
    if (vote.kind === 'ineligible' && statuses.get(ballotId!) !== 'invalid')
      wrong.push(`an ineligible ballot is ${statuses.get(ballotId!)}`);
  return wrong;
}
