import type { PublishedElection } from '@scrutin/shared/election.ts';
import type { Election } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import { hasOpened } from './phase.ts';

/**
 * What may not change once people can have voted: the laws' ids and the moment of opening; and the moment of
 * closing, once it has come or into the past. Throws a {@link StepError} that says what to put back.
 */
export function checkSpec(election: Election, published: PublishedElection | undefined, now: number): void {
  if (!published || !hasOpened(published, now)) return;
  const { laws, opensAt, closesAt } = election.spec;
  const before = published.laws.map(({ id }) => id);
  if (laws.map(({ id }) => id).join() !== before.join())
    throw fixed(`laws can’t change after the election has opened; put back ${before.join(', ')}`);
  if (Date.parse(opensAt) > now)
    throw fixed(
      `opensAt can’t move into the future after the election has opened; put back ${published.opensAt}`,
    );
  if (Date.parse(closesAt) === Date.parse(published.closesAt)) return;
  if (now >= Date.parse(published.closesAt))
    throw fixed(`closesAt can’t change after the election has closed; put back ${published.closesAt}`);
  // Votes that came after it have been accepted already, and accepted means counted (P1).
  if (Date.parse(closesAt) <= now)
    throw fixed(
      `closesAt can’t move into the past while votes are taken; choose a moment to come, or put back ${published.closesAt}`,
    );
}

const fixed = (message: string): StepError =>
  new StepError('FixedAfterOpening', `spec.${message}`, { lasting: true });

/** The Election with what may not change as it was published, so that it is kept up whatever its spec says. */
export function withFixedParts(election: Election, { laws, opensAt, closesAt }: PublishedElection): Election {
  return { ...election, spec: { ...election.spec, laws, opensAt, closesAt } };
}
