import { type Clock, systemClock, within } from './clock.ts';
import type { RawElection } from './election-informer.ts';
import { FINALIZER } from './election-names.ts';
import { isConflict, isNotFound } from './kube-error.ts';

export interface FinalizerOptions {
  /** Applies the operator's finalizers; none takes them away. */
  apply: (election: RawElection, finalizers: readonly string[]) => Promise<void>;
  /** Tries of the clean-up, after which what could not be removed is left behind; not before `holdMs` have passed. */
  tries?: number;
  /** Milliseconds since the first try has failed: a server that is restarted is waited for. 0 by default. */
  holdMs?: number;
  clock?: Clock;
}

/** One try may always take so long. Milliseconds. */
const LEAST_TRY_MS = 60_000;

export type Finalized =
  /** Nothing is left to do: the Election is gone, or will be. */
  | { state: 'done' }
  | { state: 'retry'; error: Error }
  /** It is let go although something could not be removed. */
  | { state: 'abandoned'; error: Error };

/**
 * Holds an Election that is being deleted until what it owns has been removed, and no longer than a while: a broker
 * that is gone for good must not keep a namespace from being deleted.
 */
export class Finalizer {
  readonly #options: Required<FinalizerOptions>;
  readonly #tries = new Map<string, { count: number; since: number }>();

  constructor(options: FinalizerOptions) {
    this.#options = { tries: 5, holdMs: 0, clock: systemClock, ...options };
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
    const { failure, late } = await this.#try(remove);
    // A server that takes a question and never answers would be asked again for nothing.
    if (failure && !late && !this.#triedEnough(uid)) return { state: 'retry', error: failure };
    try {
      await this.#options.apply(election, []);
    } catch (error) {
      // Gone, or another Election of that name: there is nothing to let go any more.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    this.#tries.delete(uid);
    return failure ? { state: 'abandoned', error: failure } : { state: 'done' };
  }

  /** One try of the clean-up; `late` if it has not ended in time, and goes on. */
  async #try(remove: () => Promise<void>): Promise<{ failure: Error | undefined; late: boolean }> {
    const { clock, holdMs } = this.#options;
    const limitMs = Math.max(holdMs, LEAST_TRY_MS);
    const work = remove().then(
      () => ({ failure: undefined }),
      (error: Error) => ({ failure: error }),
    );
    const ended = await within(clock, limitMs, work);
    if (ended) return { ...ended, late: false };
    return { failure: new Error(`the removal has not ended after ${limitMs / 1000} s`), late: true };
  }

  #triedEnough(uid: string): boolean {
    const { tries, holdMs, clock } = this.#options;
    const { count, since } = this.#tries.get(uid) ?? { count: 0, since: clock.monotonic() };
    this.#tries.set(uid, { count: count + 1, since });
    return count + 1 >= tries && clock.monotonic() - since >= holdMs;
  }

  forget(uid: string): void {
    this.#tries.delete(uid);
  }
}
