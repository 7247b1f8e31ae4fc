import { isDeepStrictEqual } from 'node:util';
import type { Choice } from '@scrutin/shared/choice.ts';
import { pause } from '@scrutin/shared/retry.ts';
import { expectedCounts, type PlannedVote } from '../../../load-tests/plan-votes.ts';
import { fetchResults } from '../../../scripts/stack/results-table.ts';
import { wrongStatuses } from '../../support/ballot-groups.ts';
import type { CastVote } from '../../support/cast-votes.ts';
import { allRecorded, duplicateAttempts, tallied, withDatabase } from '../../support/tally-check.ts';
import type { InstalledElection } from './installed-election.ts';

/**
 * What is not exactly as it must be once all is counted, in sentences; empty if all is right. `votes` are those that were
 * cast and `history` what their clients saw: each that can be read has been accepted, the tally holds the valid ones and
 * no other, each once, every ballot's status reads right, and results tells the same counts.
 */
export async function countFaults(
  election: InstalledElection,
  votes: readonly PlannedVote[],
  history: readonly CastVote[],
  timeoutMs = 120_000,
): Promise<string[]> {
  const faults: string[] = [];
  const differ = (what: string, seen: unknown, right: unknown) => {
    if (!isDeepStrictEqual(seen, right))
      faults.push(`${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(right)}`);
  };
  differ('votes that have an answer', history.length, votes.length);
  for (const { vote, status } of history) {
    const right = vote.kind === 'malformed' ? status === 400 || status === 422 : status === 202;
    if (!right) faults.push(`a vote of kind ${vote.kind} got ${status}`);
  }
  const firsts = firstBallots(votes);
  const expected = expectedCounts(firsts);
  await election.withDatabaseUrl(async (url) => {
    const statuses = await allRecorded(url, history, timeoutMs);
    faults.push(...wrongStatuses(history, statuses));
    differ('the tally', await withDatabase(url, tallied), withZeros(expected, election.laws));
    const attempts = (await withDatabase(url, duplicateAttempts)).reduce((sum, n) => sum + n, 0);
    differ(
      'second attempts',
      attempts,
      votes.filter(({ elector }) => elector !== undefined).length - firsts.length,
    );
  });
  differ('results', await shownCounts(election, expected), withZeros(expected, election.laws));
  return faults;
}

/**
 * One ballot of each elector and law, as a valid one: whichever of two that say the same comes first is the one that counts,
 * and of votes that were planned only some may have been cast.
 */
function firstBallots(votes: readonly PlannedVote[]): PlannedVote[] {
  const firsts = new Map<string, PlannedVote>();
  for (const vote of votes) {
    if (vote.kind === 'change') throw new Error('which choice of two comes first is not known');
    if (vote.elector !== undefined) firsts.set(`${vote.elector}/${vote.lawId}`, { ...vote, kind: 'valid' });
  }
  return [...firsts.values()];
}

type Counts = Record<string, Record<Choice, number>>;

/** A law that nobody has voted on stands in the tally, too. */
const withZeros = (counts: Counts, laws: readonly string[]): Counts =>
  Object.fromEntries(laws.map((law) => [law, counts[law] ?? { oui: 0, non: 0 }]));

/** The counts that results shows, which may be a few seconds old: asked again until they are as expected or 15 s have gone. */
async function shownCounts(election: InstalledElection, expected: Counts): Promise<Counts | undefined> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const results = await fetchResults(election.resultsUrl);
    const shown =
      results &&
      Object.fromEntries(
        results.laws.map(({ law_id, oui_count, non_count }) => [law_id, { oui: oui_count, non: non_count }]),
      );
    if (isDeepStrictEqual(shown, withZeros(expected, election.laws)) || Date.now() > deadline) return shown;
    await pause(500);
  }
}
