import type { RawElection } from './election-informer.ts';
import { FINALIZER } from './election-names.ts';
import { isConflict, isNotFound } from './kube-error.ts';

export interface FinalizerOptions {
  /** Applies the operator's finalizers; none takes them away. */
  apply: (election: RawElection, finalizers: readonly string[]) => Promise<void>;
  /** Tries of the clean-up, after which what could not be removed is left behind. */
  tries?: number;
}

export type Finalized =
  /** Nothing is left to do: the Election is gone, or will be. */
  | { state: 'done' }
  | { state: 'retry'; error: Error }
  /** It is let go although something could not be removed. */
  | { state: 'abandoned'; error: Error };

/**
 * Holds an Election that is being deleted until what it owns has been removed, and no longer than a few tries: a broker
 * that is gone for good must not keep a namespace from being deleted.
 */
export class Finalizer {
  readonly #options: Required<FinalizerOptions>;
  readonly #tries = new Map<string, number>();

  constructor(options: FinalizerOptions) {
    this.#options = { tries: 5, ...options };
  }

  isOn({ metadata }: RawElection): boolean {
    return metadata.finalizers?.includes(FINALIZER) === true;
  }

  /** Puts the finalizer on, or takes it off. Only an Election with something to remove needs one. */
  async set(election: RawElection, wanted: boolean): Promise<void> {
    if (this.isOn(election) !== wanted) await this.#options.apply(election, wanted ? [FINALIZER] : []);
  }

  /** Has `remove` remove what the Election owns, then lets the Election go. */
  async finalize(election: RawElection, remove: () => Promise<void>): Promise<Finalized> {
    const { uid } = election.metadata;
    if (!this.isOn(election)) return { state: 'done' };
    let failure: Error | undefined;
    try {
      await remove();
    } catch (error) {
      failure = error as Error;
      const tries = (this.#tries.get(uid) ?? 0) + 1;
      this.#tries.set(uid, tries);
      if (tries < this.#options.tries) return { state: 'retry', error: failure };
    }
    try {
      await this.#options.apply(election, []);
    } catch (error) {
      // Gone, or another Election of that name: there is nothing to let go any more.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    this.#tries.delete(uid);
    return failure ? { state: 'abandoned', error: failure } : { state: 'done' };
  }

  forget(uid: string): void {
    this.#tries.delete(uid);
  }
}
