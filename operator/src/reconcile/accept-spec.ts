import { checkSpec, withFixedParts } from './check-spec.ts';
import { StepError } from './conditions.ts';
import type { Reconciliation } from './reconciliation.ts';

/**
 * Looks at what may not change any more. If it has, the election is kept up as it was published, but is not
 * declared final until a person has put the spec right: resolves with what is wrong.
 */
export async function acceptSpec(run: Reconciliation): Promise<StepError | undefined> {
  const { recorder, publication, ports } = run;
  try {
    await recorder.step('SpecAccepted', 'Invalid', async () => {
      checkSpec(run.election, publication.current, ports.now());
      return 'The spec can be carried out';
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof StepError) || !publication.current) throw error;
    run.election = withFixedParts(run.election, publication.current);
    return error;
  }
}
