import type { Election } from '../election-resource.ts';
import type { Ports } from './ports.ts';

/**
 * What deleting an Election does: nothing to its data unless spec.reclaimPolicy is Delete. Each part is
 * tried, also if another fails; rejects with what failed, and may be repeated.
 */
export async function removeElection(election: Election, ports: Ports): Promise<void> {
  if (election.spec.reclaimPolicy !== 'Delete') return;
  const parts = await Promise.allSettled([
    ports.broker.remove(election.metadata.name),
    ports.electorate.remove(),
    ports.ledger.remove(),
  ]);
  const failures = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as Error] : []));
  if (failures.length > 0)
    throw new AggregateError(failures, [...new Set(failures.map(({ message }) => message))].join('; '));
}
