import type { Log } from '@scrutin/shared/log.ts';
import { type Clock, systemClock, within } from './clock.ts';
import { ElectionInformer, type ElectionSource, type RawElection } from './election-informer.ts';
import {
  ElectionReconciler,
  type ElectionReconcilerOptions,
  type ReconcileObserver,
} from './election-reconciler.ts';
import { finalizeElection } from './finalize-election.ts';
import { isConflict, isNotFound } from './kube-error.ts';
import type { NextLook } from './next-look.ts';
import { isOwnWrite } from './own-write.ts';
import { type StepAside, WorkQueue } from './work-queue.ts';

/** What the metrics are made from. */
export interface ControllerObserver extends ReconcileObserver {
  watchEnded(why: 'closed' | 'gone' | 'failed'): void;
}

export interface ControllerOptions extends Omit<ElectionReconcilerOptions, 'clock'> {
  source: ElectionSource;
  observer: ControllerObserver;
  /** Elections that are worked on at a time; those that wait for a load or for votes to be counted come on top. */
  workers: number;
  log: Log;
  clock?: Clock;
}

/** Work that has not ended so long after its leader's term is left to its fence. Milliseconds. */
const STOP_LIMIT_MS = 1_000;

/**
 * Keeps every Election on the cluster as its spec asks for, one reconciliation of each at a time: changes and the clock
 * put its key into a queue, and whatever goes wrong with one is told on it and tried again without the others' waiting.
 */
export class Controller {
  readonly #options: Required<ControllerOptions>;
  readonly #informer: ElectionInformer;
  readonly #queue: WorkQueue;
  readonly #reconciler: ElectionReconciler;
  /** By key: what is worked on now, and how to cut it off. */
  readonly #active = new Map<string, { generation: number | undefined; cut: AbortController }>();
  /** By key: the Election as it was worked on last. */
  readonly #seen = new Map<string, RawElection>();

  constructor(options: ControllerOptions) {
    this.#options = { clock: systemClock, ...options };
    const { source, log, workers, observer, resyncMs, clock } = this.#options;
    this.#reconciler = new ElectionReconciler(this.#options);
    this.#queue = new WorkQueue({
      process: (key, aside) => this.#process(key, aside),
      onError: (key, error) => {
        observer.reconciled('error', 0, 'Unexpected');
        log.error({ err: error, election: key }, 'a reconciliation failed unexpectedly; it is tried again');
      },
      workers,
      mostBackoffMs: Math.min(30_000, resyncMs),
      clock,
    });
    this.#informer = new ElectionInformer({
      source,
      onChange: (key) => this.#changed(key),
      onWatchEnd: (why) => observer.watchEnded(why),
      log,
      clock,
    });
  }

  get queueDepth(): number {
    return this.#queue.depth;
  }

  get working(): number {
    return this.#queue.working;
  }

  /** All Elections as last seen. */
  elections(): RawElection[] {
    return this.#informer.all();
  }

  /** Works until `signal` is aborted; resolves when everything has stopped, or does nothing more that counts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, ports, events, clock } = this.#options;
    const over = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    if (!signal.aborted) {
      void this.#informer.start().then(() => {
        if (this.#informer.synced) log.info({ elections: this.elections().length }, 'the Elections are read');
      });
      await over;
    }
    for (const { cut } of this.#active.values()) cut.abort(new Error('stopping'));
    // A server that does not answer, the API server included, must not keep this process from standing for election.
    await within(clock, STOP_LIMIT_MS, Promise.all([this.#queue.stop(), this.#informer.stop()]));
    await within(clock, STOP_LIMIT_MS, events.flush());
    await within(clock, STOP_LIMIT_MS, ports.close());
  }

  /** Puts the key into the queue; a load that goes on for a spec that is no more is cut off. */
  #changed(key: string): void {
    const raw = this.#informer.get(key);
    const before = this.#seen.get(key);
    if (raw && before && isOwnWrite(before, raw, this.#options.status.current(before))) return;
    const active = this.#active.get(key);
    const outdated = !raw || raw.metadata.deletionTimestamp || raw.metadata.generation !== active?.generation;
    if (active && outdated) active.cut.abort(new Error('the Election was changed'));
    this.#queue.add(key);
  }

  async #process(key: string, aside: StepAside): Promise<void> {
    this.#options.fence();
    const raw = this.#informer.get(key);
    const before = this.#seen.get(key);
    if (before && before.metadata.uid !== raw?.metadata.uid) await this.#forget(key, before.metadata.uid);
    if (!raw) return;
    this.#seen.set(key, raw);
    const active = { generation: raw.metadata.generation, cut: new AbortController() };
    this.#active.set(key, active);
    try {
      this.#lookAgain(key, await this.#look(raw, active.cut.signal, aside));
    } catch (error) {
      // The Election has changed or gone meanwhile; the informer tells, and its key is in the queue by then.
      if (!isConflict(error) && !isNotFound(error)) throw error;
      this.#queue.addWithBackoff(key);
    } finally {
      this.#active.delete(key);
    }
  }

  #look(raw: RawElection, signal: AbortSignal, aside: StepAside): Promise<NextLook> {
    const all = this.elections();
    return raw.metadata.deletionTimestamp
      ? finalizeElection(raw, all, this.#options)
      : this.#reconciler.reconcile({ raw, all, signal, aside });
  }

  #lookAgain(key: string, next: NextLook): void {
    if (next === 'at once') this.#queue.add(key);
    else if (next === 'with backoff') this.#queue.addWithBackoff(key);
    else {
      this.#queue.forget(key);
      this.#queue.addAfter(key, next.afterMs);
    }
  }

  async #forget(key: string, uid: string): Promise<void> {
    const { status, finalizer, events, ports } = this.#options;
    this.#seen.delete(key);
    this.#queue.forget(key);
    this.#reconciler.forget(uid);
    status.forget(uid);
    finalizer.forget(uid);
    events.forget(uid);
    await ports.forget(uid);
  }
}
