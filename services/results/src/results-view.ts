import { ScrutinError } from '@scrutin/shared/errors.ts';
import type { BallotOutcome } from './ballot-lookup.ts';
import type {
  BallotView,
  ElectionView,
  LawResult,
  LawTurnout,
  ResultsView,
  TurnoutView,
} from './results-schemas.ts';
import { digestVerified, isRevealed, type Phase, type Snapshot } from './snapshot.ts';

/** A share in percent, two decimals; null of nothing. */
export const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((part / whole) * 10_000) / 100;

/** Throws `embargo` unless counts may be told. `now`: milliseconds since the epoch. */
export function requireRevealed(snapshot: Snapshot, phase: Phase, now: number): void {
  if (isRevealed(snapshot, phase)) return;
  const { closesAt } = snapshot.election;
  const wait = Math.ceil((Date.parse(closesAt) - now) / 1000);
  throw new ScrutinError('embargo', `Results are published from ${closesAt} on; turnout is always open`, {
    retryAfter: Math.min(3_600, Math.max(1, wait)),
  });
}

function electionPart(snapshot: Snapshot, phase: Phase) {
  const { id, title, opensAt, closesAt, results } = snapshot.election;
  return {
    election_id: id,
    title,
    phase,
    opens_at: opensAt,
    closes_at: closesAt,
    results,
    eligible: snapshot.eligible,
    final: phase === 'final',
  };
}

export const electionView = (snapshot: Snapshot, phase: Phase): ElectionView => ({
  ...electionPart(snapshot, phase),
  laws: snapshot.election.laws.map(({ id, ...law }) => ({ law_id: id, ...law })),
});

/** Who has taken part, by law. Holds no count of a choice, so it is open at any time. */
export const turnoutView = (snapshot: Snapshot, phase: Phase): TurnoutView => ({
  ...electionPart(snapshot, phase),
  laws: snapshot.election.laws.map((law) => turnoutOf(snapshot, law)),
});

function turnoutOf(snapshot: Snapshot, { id, title }: Snapshot['election']['laws'][number]): LawTurnout {
  const count = snapshot.counts.find((one) => one.law_id === id);
  const total = count ? count.oui + count.non : 0;
  return {
    law_id: id,
    title,
    total_votes: total,
    eligible: snapshot.eligible,
    turnout_percent: percent(total, snapshot.eligible),
    updated_at: count?.updated_at ?? null,
  };
}

/** The counts. Ask {@link requireRevealed} first. */
export const resultsView = (snapshot: Snapshot, phase: Phase): ResultsView => ({
  ...electionPart(snapshot, phase),
  closed_at: phase === 'final' ? snapshot.closed_at : null,
  digest: phase === 'final' ? snapshot.digest : null,
  digest_verified: phase === 'final' ? digestVerified(snapshot) : null,
  laws: snapshot.election.laws.map((law) => lawResult(snapshot, phase, law)),
});

function lawResult(snapshot: Snapshot, phase: Phase, law: Snapshot['election']['laws'][number]): LawResult {
  const { law_id, title, ...turnout } = turnoutOf(snapshot, law);
  const count = snapshot.counts.find((one) => one.law_id === law.id);
  const oui = percent(count?.oui ?? 0, turnout.total_votes);
  return {
    law_id,
    title,
    oui_count: count?.oui ?? 0,
    non_count: count?.non ?? 0,
    oui_percent: oui,
    // Rounded apart, both halves of a tie would go up and the sum be 100.01.
    non_percent: oui === null ? null : Math.round((100 - oui) * 100) / 100,
    ...turnout,
    final: phase === 'final',
  };
}

export const ballotView = (ballotId: string, outcome: BallotOutcome | undefined): BallotView => ({
  ballot_id: ballotId,
  status: outcome?.status ?? 'pending',
  law_id: outcome?.law_id ?? null,
});
