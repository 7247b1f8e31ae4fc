import type { Election, ElectionStatus } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import type { ElectorateProgress, LoadedElectorate, Ports } from './ports.ts';

export interface PrepareOptions {
  /** The electorate of the last status, whose source counts once people can have voted. */
  before: ElectionStatus['electorate'];
  /** People can have voted: another electorate is not taken any more. */
  fixed: boolean;
  /** Compare with the source again, also if what is in Redis is sound. */
  verifySource: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ElectorateProgress) => void) | undefined;
}

export interface PreparedElectorate extends Omit<LoadedElectorate, 'samples'> {
  samples: readonly string[];
  /** False if it was there already. */
  loaded: boolean;
}

/**
 * Leaves the electorate complete in Redis, with the voted marks of who is in the tally (P2). What is sound
 * is left alone; what was lost, damaged or half loaded is put back from its source.
 * Throws {@link StepError}.
 */
export async function prepareElectorate(
  election: Election,
  ports: Ports,
  options: PrepareOptions,
): Promise<PreparedElectorate> {
  const { before, fixed, verifySource, signal, onProgress } = options;
  const present = await ports.electorate.sound();
  const known = before?.source;
  if (present && !verifySource && present.source === known) return { ...present, samples: [], loaded: false };
  const digest = await ports.electorate.sourceDigest(election);
  if (fixed && known !== undefined && digest !== known)
    throw new StepError(
      'ElectorateChanged',
      'the electorate’s files are not those that the election opened with; put them back',
      { lasting: true },
    );
  if (present && present.source === digest) return { ...present, samples: [], loaded: false };
  const loaded = await ports.electorate.load(election, {
    marks: () => ports.ledger.participants(),
    signal,
    onProgress,
  });
  if (loaded.unique === 0)
    throw new StepError(
      'ElectorateEmpty',
      `no hash was found in the electorate’s source (${loaded.errors} bad lines); check spec.electorate.source`,
      { lasting: true },
    );
  return { ...loaded, source: digest, loaded: true };
}

/** Throws {@link StepError} if another number of voters is there than the spec expects. */
export function checkExpected(election: Election, { unique, errors, samples }: PreparedElectorate): void {
  const { expected } = election.spec.electorate;
  if (expected === undefined || expected === unique) return;
  const bad =
    errors === 0 ? '' : `; ${errors} lines are damaged (${samples.slice(0, 3).join('; ') || 'see the log'})`;
  throw new StepError(
    'ElectorateCountDiffers',
    `${unique} distinct voters were found and spec.electorate.expected is ${expected}${bad}; mend the one that is wrong`,
    { lasting: true },
  );
}
