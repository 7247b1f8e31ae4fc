import type { Election, ElectionStatus } from '../election-resource.ts';
import { ElectionError, parseElection } from '../read-election.ts';
import { Conditions, cutMessage, StepError } from '../reconcile/conditions.ts';
import { BEGUN } from '../reconcile/phase.ts';
import type { Reconciled } from '../reconcile/reconcile.ts';
import { keyOf, type RawElection } from './election-informer.ts';

/** The Election with its defaults, or what is wrong with it: an older CRD, or none of its rules, let it in. */
export function readSpec(raw: RawElection): Election | ElectionError {
  try {
    return parseElection({ ...raw, status: undefined }, keyOf(raw));
  } catch (error) {
    if (error instanceof ElectionError) return error;
    throw error;
  }
}

/** The outcome for a spec that can't be read. `now` in milliseconds since the epoch. */
export function rejectedSpec(
  { metadata: { generation } }: RawElection,
  { problems }: ElectionError,
  previous: Partial<ElectionStatus> | undefined,
  now: number,
): Reconciled {
  const message = `the spec can’t be read: ${problems.join('; ')}`;
  const conditions = new Conditions(previous?.conditions ?? [], () => now, generation);
  conditions.set('SpecAccepted', 'False', 'Invalid', message);
  conditions.set('Ready', 'False', 'Invalid', message);
  const told = previous?.conditions?.some((condition) => condition.message === cutMessage(message));
  return {
    status: {
      ...previous,
      ...(generation !== undefined && { observedGeneration: generation }),
      // Votes may be taken or counted: what the stages were told still holds, and only Ready says what is wrong.
      phase: previous?.phase && BEGUN.includes(previous.phase) ? previous.phase : 'Failed',
      conditions: conditions.list(),
    },
    events: told ? [] : [{ type: 'Warning', reason: 'Invalid', message }],
    deeds: [],
    failure: new StepError('Invalid', message, { lasting: true }),
  };
}
