import type { Election } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import type { ElectorateProgress, LoadedElectorate, Ports } from './ports.ts';

export interface PrepareOptions {
  /** SHA-256 of the source that the stages were told of, or that the last status names. */
  known: string | undefined;
  /** People can have voted by now: another electorate is not taken any more. Asked again: to read a source takes minutes. */
  fixed: () => boolean;
  /**
   * Called before another electorate than the `known` one is loaded. Nobody may vote from then on: were the opening to come
   * meanwhile, votes would be decided by an electorate that was not accepted yet, and may not be.
   */
  beforeReplacing: () => Promise<void>;
  /** Compare with the source again, also if what is in Redis is sound. */
  verifySource: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ElectorateProgress) => void) | undefined;
}

export interface PreparedElectorate extends LoadedElectorate {
  /** False if it was there already. */
  loaded: boolean;
  /**
   * What is wrong with the source of an electorate that is sound in Redis: it could not be put back from there.
   * Empty if nothing is; undefined if it was not looked at.
   */
  warning?: string | undefined;
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
  const { known, fixed, beforeReplacing, verifySource, signal } = options;
  // Also when there is nothing to load: what was asked for in between may have yet to begin. Before it is looked whether
  // all is sound, so that nothing can change it afterwards.
  if (verifySource) await ports.electorate.endOtherLoads(election);
  const usable = await usableElectorate(election, ports, fixed());
  let digest: string;
  if (usable && usable.source === known) {
    if (!verifySource) return usable;
    const looked = await ports.electorate.sourceDigest(election, signal).catch((error: Error) => error);
    if (signal?.aborted) throw interrupted(looked);
    if (looked instanceof Error) return { ...usable, warning: looked.message };
    if (fixed() && looked !== known) return { ...usable, warning: CHANGED };
    digest = looked;
  } else
    digest = await ports.electorate.sourceDigest(election, signal).catch((error: Error) => {
      throw signal?.aborted ? interrupted(error) : error;
    });
  if (fixed() && known !== undefined && digest !== known) throw electorateChanged();
  if (usable?.source === digest) return { ...usable, warning: '' };
  if (digest !== known) await beforeReplacing();
  return load(election, ports, digest, options);
}

const CHANGED = 'the electorate’s files are not those that the election opened with; put them back';

export const electorateChanged = (): StepError =>
  new StepError('ElectorateChanged', CHANGED, { lasting: true });

const interrupted = (cause: unknown): StepError =>
  new StepError('Interrupted', 'the load was stopped; it goes on from there next time', { cause });

/** What is sound in Redis and made with this pepper; before the opening also only if laid out as asked for. */
async function usableElectorate(
  election: Election,
  { electorate }: Ports,
  fixed: boolean,
): Promise<PreparedElectorate | undefined> {
  const present = await electorate.sound();
  if (!present) return undefined;
  const { ownPepper, ...counts } = present;
  // With another pepper every voter is another voter, and those who have voted could do so again (P2).
  if (!ownPepper && fixed)
    throw new StepError(
      'PepperChanged',
      'the pepper is not the one that the election opened with; put VOTER_PEPPER back',
      { lasting: true },
    );
  const asWanted = ownPepper && (fixed || counts.layout.shards === election.spec.electorate.shards);
  return asWanted ? { ...counts, samples: [], loaded: false } : undefined;
}

async function load(
  election: Election,
  ports: Ports,
  digest: string,
  { signal, onProgress }: PrepareOptions,
): Promise<PreparedElectorate> {
  try {
    const loaded = await ports.electorate.load(election, {
      marks: () => ports.ledger.participants(),
      signal,
      onProgress,
    });
    if (loaded.unique > 0) return { ...loaded, source: loaded.source ?? digest, loaded: true, warning: '' };
    throw new StepError(
      'ElectorateEmpty',
      `no hash was found in the electorate’s source (${loaded.errors} bad lines); check spec.electorate.source`,
      { lasting: true },
    );
  } catch (error) {
    throw signal?.aborted ? interrupted(error) : error;
  }
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
