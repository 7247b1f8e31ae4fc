import { toPublished } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import { checkExpected, type PreparedElectorate, prepareElectorate } from './prepare-electorate.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { StepRecorder } from './step-recorder.ts';

/**
 * The electorate's step: prepared, published to the stages, its marks those of the ledger. What only a person can mend
 * keeps an election closed that has not opened yet. Throws {@link StepError}.
 */
export async function electorateLoaded(run: Reconciliation): Promise<void> {
  const { recorder, publication } = run;
  try {
    await recorder.attempt('ElectorateLoaded', 'LoadFailed', () => loadElectorate(run));
    await recorder.attempt('ElectorateLoaded', 'MarksFailed', () => followLedger(run));
  } catch (error) {
    if (error instanceof StepError && error.lasting)
      await recorder.attempt('Ready', 'PublishFailed', () => publication.withhold('Failed'));
    throw error;
  }
}

async function loadElectorate(run: Reconciliation): Promise<void> {
  const { election, ports, previous, options, publication, recorder } = run;
  const before = previous.electorate;
  const begunAt = ports.now();
  const prepared = await prepareElectorate(election, ports, {
    known: publication.current?.electorateDigest ?? before?.source,
    fixed: () => publication.hasOpened,
    beforeReplacing: () => publication.withhold('Preparing'),
    verifySource: options.verifySource ?? false,
    signal: options.signal,
    onProgress: options.onProgress,
  });
  const { processed, unique, duplicates, errors, source } = prepared;
  run.electorate = { ...(source !== undefined && { source }), processed, unique, duplicates, errors };
  const again = source !== undefined && before?.source === source;
  if (prepared.loaded) tellLoaded(recorder, prepared, again, ports.now() - begunAt);
  // Who has voted can't be taken back by a number that is changed afterwards.
  if (!publication.hasOpened) checkExpected(election, prepared);
  await publication.publish(toPublished(election, unique, prepared.layout, source));
  setLoaded(recorder, prepared);
}

/** The marks are those of this ledger: one that was restored lacks votes, and who cast them can vote again. */
async function followLedger({ ports, recorder }: Reconciliation): Promise<void> {
  const { electorate, ledger } = ports;
  const rebuilt = await electorate.followLedger(await ledger.identity(), () => ledger.participants());
  if (!rebuilt || rebuilt.before + rebuilt.after === 0) return;
  recorder.tellDone(
    'Warning',
    'MarksRebuilt',
    `PostgreSQL was restored or replaced, or RabbitMQ lost its queues: of ${rebuilt.before} marks of voters ${rebuilt.after} are in the tally and stay; the others can vote again`,
  );
}

function setLoaded(recorder: StepRecorder, { unique, errors, warning }: PreparedElectorate): void {
  const before = recorder.before('ElectorateLoaded');
  const stillChanged = warning === undefined && before?.reason === 'SourceChanged' ? before.message : '';
  const counts = `${unique} voters${errors > 0 ? `; ${errors} lines of the source could not be read` : ''}`;
  const message = warning ? `${counts}; if Redis were lost they could not be put back: ${warning}` : counts;
  if (warning && before?.message !== message) recorder.tell('Warning', 'SourceChanged', message);
  const reason = warning || stillChanged ? 'SourceChanged' : 'Done';
  recorder.conditions.set('ElectorateLoaded', 'True', reason, stillChanged || message);
}

/** `again`: this source had been loaded before, so that something was lost if the last status said that it is there. */
function tellLoaded(recorder: StepRecorder, prepared: PreparedElectorate, again: boolean, ms: number): void {
  const { unique, duplicates, errors, samples } = prepared;
  const counts = `${unique} voters, ${duplicates} duplicates, ${errors} bad lines in ${(ms / 1000).toFixed(1)} s`;
  const repaired = again && recorder.conditions.isTrue('ElectorateLoaded');
  recorder.tellDone(
    repaired ? 'Warning' : 'Normal',
    repaired ? 'ElectorateRepaired' : 'ElectorateLoaded',
    repaired ? `The electorate was not whole in Redis and was put back: ${counts}` : counts,
  );
  if (errors > 0) recorder.tellDone('Warning', 'ElectorateDamaged', samples.slice(0, 3).join('; '));
}
