import type { PublishedElection } from '@scrutin/shared/election.ts';
import type { ElectionStatus } from '../election-resource.ts';

interface LawCount {
  lawId: string;
  oui: number;
  non: number;
  total: number;
}

/** Votes as a share of what could be cast, in per cent with two decimals; empty before there is an electorate. */
export const turnoutOf = (votes: number, possible: number): string =>
  possible === 0 ? '' : `${((100 * votes) / possible).toFixed(2)}%`;

/** How many have voted, without what they chose. */
export function turnoutStatus(
  { eligible, laws }: PublishedElection,
  counts: readonly LawCount[],
): Pick<ElectionStatus, 'votes' | 'turnout'> {
  const votes = counts.reduce((sum, { total }) => sum + total, 0);
  return { votes, turnout: turnoutOf(votes, eligible * laws.length) };
}

/** The counts of the election's own laws. */
export function resultsOf(
  { laws }: PublishedElection,
  counts: readonly LawCount[],
): ElectionStatus['results'] {
  const ids = new Set(laws.map(({ id }) => id));
  return counts
    .filter(({ lawId }) => ids.has(lawId))
    .map(({ lawId, oui, non, total }) => ({ lawId, oui, non, total }));
}
