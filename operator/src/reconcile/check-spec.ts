import type { PublishedElection } from '@scrutin/shared/election.ts';
import type { Election } from '../election-resource.ts';
import { StepError } from './conditions.ts';

/**
 * What may not change once people can have voted: the laws' ids and the moment of opening; and once the
 * election has closed, the moment of closing. Throws a {@link StepError} that says what to put back.
 */
export function checkSpec(election: Election, published: PublishedElection | undefined, now: number): void {
  if (!published || now < Date.parse(published.opensAt)) return;
  const { laws, opensAt, closesAt } = election.spec;
  const before = published.laws.map(({ id }) => id);
  if (laws.map(({ id }) => id).join() !== before.join())
    throw fixed(`laws can’t change after the election has opened; put back ${before.join(', ')}`);
  if (Date.parse(opensAt) > now)
    throw fixed(
      `opensAt can’t move into the future after the election has opened; put back ${published.opensAt}`,
    );
  const closed = now >= Date.parse(published.closesAt);
  if (closed && Date.parse(closesAt) !== Date.parse(published.closesAt))
    throw fixed(`closesAt can’t change after the election has closed; put back ${published.closesAt}`);
}

const fixed = (message: string): StepError =>
  new StepError('FixedAfterOpening', `spec.${message}`, { lasting: true });
