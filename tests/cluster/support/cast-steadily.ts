import { pause } from '@scrutin/shared/retry.ts';
import type { PlannedVote } from '../../../load-tests/plan-votes.ts';
import { type CastVote, castVotes } from '../../support/cast-votes.ts';

const SLICE_MS = 500;

/**
 * Casts votes at a steady rate until they are used up or `enough` says so; fewer where the machine can't keep up. Resolves with
 * what the clients saw. `onAnswer` after each vote.
 */
export async function castSteadily(
  url: string,
  votes: readonly PlannedVote[],
  options: { perSecond: number; enough: () => boolean; onAnswer?: () => void },
): Promise<CastVote[]> {
  const history: CastVote[] = [];
  const size = Math.max(1, Math.round((options.perSecond * SLICE_MS) / 1000));
  for (let at = 0; at < votes.length && !options.enough(); at += size) {
    const due = Date.now() + SLICE_MS;
    const { onAnswer = () => {} } = options;
    history.push(
      ...(await castVotes(url, votes.slice(at, at + size), { lanes: 8, onAnswer: () => onAnswer() })),
    );
    await pause(Math.max(0, due - Date.now()));
  }
  return history;
}
