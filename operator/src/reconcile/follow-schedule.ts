import type { PublishedElection } from '@scrutin/shared/election.ts';
import { closeElection } from './close-election.ts';
import { showResult } from './final-result.ts';
import { phaseByClock } from './phase.ts';
import type { Reconciliation } from './reconciliation.ts';
import { turnoutStatus } from './tally-status.ts';

/**
 * Opens, closes and drains a prepared election by the clock, and publishes its result when every vote is in the tally.
 * `rejected`: its spec asks for what can't be. Throws {@link StepError}, or as the ports do.
 */
export async function followSchedule(run: Reconciliation, rejected: boolean): Promise<void> {
  const { ports, options, recorder } = run;
  const published = run.publication.current!;
  run.tally = { ...run.tally, ...turnoutStatus(published, await ports.ledger.counts()) };
  run.phase = phaseByClock(published, ports.now());
  // What a person asks for and can't have may be about the closing: the result waits for them.
  if (rejected) return;
  if (run.phase !== 'Draining') return setWaiting(run, published);
  const closing = await closeElection(published, ports, {
    graceMs: options.closingGraceMs,
    signal: options.signal,
    declared: run.previous.digest,
  });
  if (closing.state === 'closed') return showResult(run, closing);
  recorder.conditions.set('Ready', 'True', 'Draining', closing.message);
}

function setWaiting(
  { phase, recorder }: Reconciliation,
  { suspended, opensAt, closesAt }: PublishedElection,
): void {
  const message = suspended
    ? 'Prepared; voting is suspended by spec.suspend'
    : phase === 'Open'
      ? `Votes are taken until ${closesAt}`
      : `Prepared; votes are taken from ${opensAt} on`;
  recorder.conditions.set('Ready', 'True', suspended ? 'Suspended' : phase, message);
}
