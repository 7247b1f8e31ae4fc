import type { ElectionStatus } from '../election-resource.ts';
import type { StepError } from './conditions.ts';
import { phaseOfFailure } from './phase.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { ElectionEvent } from './step-recorder.ts';

export interface Reconciled {
  status: ElectionStatus;
  /** What a person may want to know of, in order. */
  events: ElectionEvent[];
  /** Those of them that tell what was done, and are true also of a reconciliation that was cut off. */
  deeds: ElectionEvent[];
  /** Look again after so many milliseconds at the latest; absent if only the resync is needed. */
  requeueAfterMs?: number;
  /** A step failed; another try may help, and `lasting` says that it is not likely to. */
  failure?: StepError;
}

/** How soon an election that is draining is looked at again. Milliseconds. */
const DRAINING_PAUSE_MS = 1_000;
/** setTimeout's own limit; the resync comes long before. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

/** The status and what to do next, once the steps have been taken or one of them has failed. */
export function outcomeOf(run: Reconciliation, failure: StepError | undefined): Reconciled {
  const { recorder, previous, publication, ports } = run;
  if (failure) {
    recorder.conditions.set('Ready', 'False', failure.reason, failure.message);
    run.phase = phaseOfFailure({
      failure,
      previous: previous.phase,
      published: publication.current,
      spec: run.election.spec,
      connected: recorder.conditions.isTrue('ConnectionsReady'),
      now: ports.now(),
    });
  }
  const { phase, election, electorate, tally } = run;
  if (phase !== previous.phase)
    recorder.tell(phase === 'Failed' ? 'Warning' : 'Normal', phase, `${previous.phase ?? 'New'} → ${phase}`);
  const { generation } = election.metadata;
  const requeueAfterMs = nextLook(run, failure);
  return {
    status: {
      ...(generation !== undefined && { observedGeneration: generation }),
      phase,
      conditions: recorder.conditions.list(),
      ...(electorate && { electorate }),
      ...tally,
    },
    events: recorder.events,
    deeds: recorder.deeds,
    ...(requeueAfterMs !== undefined && { requeueAfterMs }),
    ...(failure && { failure }),
  };
}

/** Milliseconds until something is due by the clock; undefined if nothing is. */
function nextLook(
  { phase, election, ports }: Reconciliation,
  failure: StepError | undefined,
): number | undefined {
  if (phase === 'Closed') return undefined;
  // What waits for a person is not hurried by the votes that wait with it.
  if (phase === 'Draining') return failure?.lasting ? undefined : DRAINING_PAUSE_MS;
  const { opensAt, closesAt } = election.spec;
  // Asked only now: a load takes minutes, and the opening may have come meanwhile.
  const now = ports.now();
  const pauses = [opensAt, closesAt].map((at) => Date.parse(at) - now).filter((ms) => ms > 0);
  const next = Math.min(...pauses);
  return Number.isFinite(next) ? Math.min(next, LONGEST_PAUSE_MS) : undefined;
}
