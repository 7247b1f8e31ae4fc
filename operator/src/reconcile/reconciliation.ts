import type { Election, ElectionStatus, Phase } from '../election-resource.ts';
import type { ElectorateProgress, Ports } from './ports.ts';
import { Publication } from './publication.ts';
import { StepRecorder } from './step-recorder.ts';

export interface ReconcileOptions {
  /** Ends a long load; what was loaded is kept. */
  signal?: AbortSignal;
  onProgress?: (progress: ElectorateProgress) => void;
  /** Compare the electorate with its source: at a process's first look, and when the spec has changed. */
  verifySource?: boolean;
  /** Milliseconds after closesAt in which votes may still arrive. */
  closingGraceMs?: number;
}

/** What the steps of one reconciliation share: what they work on, and what they have found so far. */
export interface Reconciliation {
  /** As it is kept up: what may not change any more is as it was published, whatever the spec says. */
  election: Election;
  readonly ports: Ports;
  /** The status that the last reconciliation left, or what is known of it. */
  readonly previous: Partial<ElectionStatus>;
  readonly options: ReconcileOptions;
  readonly publication: Publication;
  readonly recorder: StepRecorder;
  /** The rest becomes the next status. */
  phase: Phase;
  electorate: ElectionStatus['electorate'];
  tally: Pick<ElectionStatus, 'votes' | 'turnout' | 'results' | 'digest' | 'closedAt'>;
}

/** A reconciliation before its first step: nothing is known but the last status. */
export function beginReconciliation(
  election: Election,
  ports: Ports,
  previous: Partial<ElectionStatus> = {},
  options: ReconcileOptions = {},
): Reconciliation {
  const { votes, turnout, results, digest, closedAt } = previous;
  return {
    election,
    ports,
    previous,
    options,
    publication: new Publication(ports),
    recorder: new StepRecorder({
      previous: previous.conditions ?? [],
      now: () => ports.now(),
      generation: election.metadata.generation,
    }),
    phase: previous.phase ?? 'Pending',
    electorate: previous.electorate,
    tally: {
      ...(votes !== undefined && { votes }),
      ...(turnout !== undefined && { turnout }),
      ...(results && { results }),
      ...(digest !== undefined && { digest }),
      ...(closedAt !== undefined && { closedAt }),
    },
  };
}
