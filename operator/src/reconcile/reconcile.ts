import type { Election, ElectionStatus } from '../election-resource.ts';
import { acceptSpec } from './accept-spec.ts';
import { StepError } from './conditions.ts';
import { connectionsReady } from './connections-ready.ts';
import { electorateLoaded } from './electorate-loaded.ts';
import { alreadyClosed } from './final-result.ts';
import { followSchedule } from './follow-schedule.ts';
import { outcomeOf, type Reconciled } from './outcome.ts';
import type { Ports } from './ports.ts';
import { beginReconciliation, type ReconcileOptions, type Reconciliation } from './reconciliation.ts';
import { schemaReady } from './schema-ready.ts';
import { topologyReady } from './topology-ready.ts';

export type { Reconciled, ReconcileOptions };

/**
 * Brings everything that an Election needs into the state that its spec asks for, and says what it found.
 * Knows nothing of Kubernetes. Every step may be repeated, and be cut off anywhere (P7); what fails becomes
 * a condition that says what to do, and the steps after it wait for the next time. Never rejects.
 */
export async function reconcile(
  election: Election,
  ports: Ports,
  previous: Partial<ElectionStatus> | undefined,
  options: ReconcileOptions = {},
): Promise<Reconciled> {
  const run = beginReconciliation(election, ports, previous, options);
  return outcomeOf(run, await takeSteps(run));
}

/** The steps in order, up to the first that fails. */
async function takeSteps(run: Reconciliation): Promise<StepError | undefined> {
  const { recorder, publication, ports } = run;
  try {
    await recorder.step('ConnectionsReady', 'Unreachable', () => connectionsReady(ports));
    await recorder.step('SchemaReady', 'MigrationFailed', () => schemaReady(run));
    const rejected = await acceptSpec(run);
    if (await recorder.attempt('Ready', 'LedgerUnavailable', () => alreadyClosed(run))) return undefined;
    await recorder.attempt('Ready', 'PublishFailed', () => publication.publishAgain(run.election));
    await recorder.step('TopologyReady', 'TopologyFailed', () => topologyReady(run));
    await electorateLoaded(run);
    await recorder.attempt('Ready', 'NotReady', () => followSchedule(run, rejected !== undefined));
    return rejected;
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
}
