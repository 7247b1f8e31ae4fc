import type { PublishedElection } from '@scrutin/shared/election.ts';
import type { Phase } from '../election-resource.ts';
import type { StepError } from './conditions.ts';

/** Phases in which votes may have been cast: such an election goes by what was published, whatever its spec says. */
export const BEGUN: readonly Phase[] = ['Open', 'Draining', 'Closed'];

/** People can have voted: it was published as prepared, and its opening has come. `now` in milliseconds. */
export const hasOpened = (published: PublishedElection | undefined, now: number): boolean =>
  published !== undefined && isPrepared(published) && now >= Date.parse(published.opensAt);

/** An election that is withheld because a person must mend its electorate is published without voters. */
export const isPrepared = (published: PublishedElection): boolean => published.eligible > 0;

/** The phase of an election that is prepared. `now` in milliseconds. */
export function phaseByClock(
  { opensAt, closesAt }: Pick<PublishedElection, 'opensAt' | 'closesAt'>,
  now: number,
): Phase {
  if (now < Date.parse(opensAt)) return 'Scheduled';
  return now < Date.parse(closesAt) ? 'Open' : 'Draining';
}

export interface FailureSituation {
  failure: StepError;
  previous: Phase | undefined;
  /** What the stages were told; undefined also if PostgreSQL could not be asked. */
  published: PublishedElection | undefined;
  spec: Pick<PublishedElection, 'opensAt' | 'closesAt'>;
  connected: boolean;
  now: number;
}

/**
 * The phase after a step has failed. An election that has opened goes by the clock whatever fails; before that
 * it is being prepared, or waits for a person.
 */
export function phaseOfFailure(situation: FailureSituation): Phase {
  const { failure, previous, published, spec, connected, now } = situation;
  if (previous === 'Closed') return 'Closed';
  if (failure.reason === 'TallyInconsistent') return 'Failed';
  if (published && hasOpened(published, now)) return phaseByClock(published, now);
  if (!published && (previous === 'Scheduled' || previous === 'Open' || previous === 'Draining'))
    return phaseByClock(spec, now);
  if (failure.lasting || (previous === 'Failed' && !connected)) return 'Failed';
  if (published && isPrepared(published)) return 'Scheduled';
  return connected ? 'Preparing' : 'Pending';
}
