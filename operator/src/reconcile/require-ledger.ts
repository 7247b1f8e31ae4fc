import type { Phase } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import { BEGUN, hasOpened } from './phase.ts';
import type { Ports } from './ports.ts';

/**
 * Throws a {@link StepError} if the ledger of an election that has opened is gone. A new one would be empty: the votes
 * in the queues would be counted there, and lost for good once the backup is restored. Without it they wait (P1).
 */
export async function requireLedger(
  { electorate, ledger, now }: Pick<Ports, 'electorate' | 'ledger' | 'now'>,
  previous: Phase | undefined,
): Promise<void> {
  if (await ledger.published()) return;
  // Before the first time Redis has none either: PostgreSQL is told first. What can't be read tells nothing.
  const told = await electorate.published().catch(() => undefined);
  const begun = previous !== undefined && BEGUN.includes(previous);
  if (!begun && !hasOpened(told, now())) return;
  throw new StepError(
    'LedgerLost',
    'the election has opened, and PostgreSQL has no ledger of it; restore the backup (npm run restore-db). Until then accepted votes wait in the queues',
    { lasting: true },
  );
}
