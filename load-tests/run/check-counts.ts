import type { Choice } from '@scrutin/shared/choice.ts';
import type { Tally } from '../../scripts/stack/tally.ts';
import type { LoadSummary } from './summary.ts';

export type Counts = Record<string, Record<Choice, number>>;

/**
 * What isn't as it must be, a sentence each; none if every accepted vote was counted exactly once. A voter without a
 * known outcome may be counted or not, so with `unknown` ones a count has bounds instead of one right value.
 * Duplicates and invalid ballots are left out where the tally doesn't tell them. `before` and `after` are the tally at rest, before and after the load.
 */
export function miscounted(
  summary: LoadSummary,
  laws: readonly string[],
  before: Tally,
  after: Tally,
  outcomesKnown = true,
): string[] {
  const accepted = summary.voters('accepted', laws);
  const unknown = summary.voters('unknown', laws);
  const wrong: string[] = [];
  let unknowns = 0;
  for (const law of laws)
    for (const choice of ['oui', 'non'] as const) {
      const counted = (after.laws[law]?.[choice] ?? 0) - (before.laws[law]?.[choice] ?? 0);
      const least = accepted[law]![choice];
      const most = least + unknown[law]![choice];
      unknowns += unknown[law]![choice];
      if (counted < least)
        wrong.push(`${law} ${choice}: ${least - counted} of ${least} accepted votes are not counted`);
      if (counted > most) wrong.push(`${law} ${choice}: ${counted} counted, ${most} cast`);
    }
  if (!outcomesKnown) return wrong;
  const outcome = (name: 'duplicate' | 'invalid') => after.outcomes[name] - before.outcomes[name];
  for (const [name, expected] of [
    ['duplicate', summary.count('accepted_repeats')],
    ['invalid', summary.count('accepted_strangers')],
  ] as const) {
    const recorded = outcome(name);
    if (recorded < expected || recorded > expected + unknowns)
      wrong.push(`${recorded} recorded as ${name}, ${expected} accepted as such`);
  }
  return wrong;
}
