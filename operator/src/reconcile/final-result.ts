import { timestamp } from '@scrutin/shared/timestamp.ts';
import type { Reconciliation } from './reconciliation.ts';
import { resultsOf, turnoutStatus } from './tally-status.ts';

/**
 * Shows the result if it is final already: after that nothing is loaded, made or counted any more. Resolves with
 * whether it is. Rejects as the ports do.
 */
export async function alreadyClosed(run: Reconciliation): Promise<boolean> {
  const final = run.publication.current && (await run.ports.ledger.closed());
  if (final) await showResult(run, final);
  return final !== undefined;
}

/** Puts the final result and its digest on the status. `at`: when it was declared final. */
export async function showResult(
  run: Reconciliation,
  { digest, at }: { digest: string; at: Date },
): Promise<void> {
  const { ledger } = run.ports;
  const published = run.publication.current!;
  // Written down after the digest: if that was cut off the last time, it is made up for here.
  await ledger.publishElection(published, 'Closed');
  const counts = await ledger.counts();
  run.phase = 'Closed';
  run.tally = {
    ...turnoutStatus(published, counts),
    results: resultsOf(published, counts),
    digest,
    closedAt: timestamp(at.getTime()),
  };
  run.recorder.conditions.set('Ready', 'True', 'Closed', `The result is final; its SHA-256 is ${digest}`);
}
