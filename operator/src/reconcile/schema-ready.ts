import type { Reconciliation } from './reconciliation.ts';
import { requireLedger } from './require-ledger.ts';

/** Brings PostgreSQL up to date, then learns what the stages were told. Throws {@link StepError}, or as the ports do. */
export async function schemaReady({
  ports,
  previous,
  recorder,
  publication,
}: Reconciliation): Promise<string> {
  await requireLedger(ports, previous.phase);
  const applied = await ports.ledger.migrate();
  if (applied.length > 0) recorder.tellDone('Normal', 'SchemaUpdated', `Applied ${applied.join(', ')}`);
  await publication.read();
  return 'The schema is up to date';
}
