import type { Election } from '../election-resource.ts';
import { ElectionError } from '../read-election.ts';
import { removeElection } from '../reconcile/remove-election.ts';
import type { RawElection } from './election-informer.ts';
import type { OpenPorts, PortsSource } from './election-ports.ts';
import type { EventRecorder } from './events.ts';
import { fencedPorts } from './fenced-ports.ts';
import type { Finalizer } from './finalizer.ts';
import { messageOf } from './kube-error.ts';
import { NameTaken } from './name-claims.ts';
import type { NextLook } from './next-look.ts';
import { readSpec } from './rejected-spec.ts';

export interface FinalizeOptions {
  ports: PortsSource;
  finalizer: Finalizer;
  events: EventRecorder;
  /** Throws once this process may not write any more. */
  fence: () => void;
  resyncMs: number;
}

/**
 * Removes what an Election owns that is being deleted, and lets it go. `all`: every Election that there is. Rejects when
 * the API server can't be reached, or this process leads no more.
 */
export async function finalizeElection(
  raw: RawElection,
  all: readonly RawElection[],
  options: FinalizeOptions,
): Promise<NextLook> {
  const { finalizer, events, fence, resyncMs } = options;
  const finalized = await finalizer.finalize(raw, async () => {
    const election = readSpec(raw);
    if (election instanceof ElectionError) throw election;
    await remove(raw, election, all, options);
  });
  if (finalized.state !== 'done') {
    // What failed because this process leads no more is the next leader's to try.
    fence();
    const { state, error } = finalized;
    const message =
      state === 'retry'
        ? messageOf(error)
        : `The Election is let go, and what could not be removed is left behind: ${messageOf(error)}`;
    const reason = state === 'retry' ? 'CleanupFailed' : 'CleanupAbandoned';
    events.record(raw, { type: 'Warning', reason, message });
    if (state === 'retry') return 'with backoff';
  }
  // Gone by then, as a rule; if it still is there, its finalizer is looked at again.
  return { afterMs: resyncMs };
}

async function remove(
  raw: RawElection,
  election: Election,
  all: readonly RawElection[],
  { ports, fence }: FinalizeOptions,
): Promise<void> {
  let opened: OpenPorts | undefined;
  try {
    opened = await ports.open(election, raw, all);
    await removeElection(election, fencedPorts(opened.ports, fence));
  } catch (error) {
    // What is there under that name is another Election's.
    if (!isNameTaken(error)) throw error;
  } finally {
    opened?.release();
  }
}

/** For certain: where it only may be another's, what is there may be this one's, and is not left behind without a word. */
const isNameTaken = (error: unknown): boolean =>
  error instanceof AggregateError && error.errors.every((one) => one instanceof NameTaken && one.certain);
