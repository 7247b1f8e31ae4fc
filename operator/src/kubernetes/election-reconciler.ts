import type { Election } from '../election-resource.ts';
import { ElectionError } from '../read-election.ts';
import { type Reconciled, reconcile } from '../reconcile/reconcile.ts';
import type { Clock } from './clock.ts';
import type { RawElection } from './election-informer.ts';
import type { PortsSource } from './election-ports.ts';
import type { EventRecorder } from './events.ts';
import { fencedPorts } from './fenced-ports.ts';
import type { Finalizer } from './finalizer.ts';
import { type NextLook, nextLook } from './next-look.ts';
import { ProgressReport, withProgress } from './progress-report.ts';
import { readSpec, rejectedSpec } from './rejected-spec.ts';
import type { StatusWriter } from './status-writer.ts';
import { steppingAside } from './stepping-aside.ts';
import type { StepAside } from './work-queue.ts';

/** What the metrics are made from. */
export interface ReconcileObserver {
  reconciled(outcome: 'done' | 'failed' | 'error', seconds: number, reason?: string): void;
}

export interface ElectionReconcilerOptions {
  ports: PortsSource;
  status: StatusWriter;
  finalizer: Finalizer;
  events: EventRecorder;
  /** Throws once this process may not write any more. */
  fence: () => void;
  observer: ReconcileObserver;
  /** Between two looks at an Election that has not changed. Milliseconds. */
  resyncMs: number;
  closingGraceMs: number;
  clock: Clock;
}

/** One look at an Election. */
export interface Look {
  raw: RawElection;
  /** Every Election that there is. */
  all: readonly RawElection[];
  /** Aborted when the spec that is looked at is no more. */
  signal: AbortSignal;
  aside: StepAside;
}

/** Reconciles one Election with its servers, and tells on its status and by Events what became of it. */
export class ElectionReconciler {
  readonly #options: ElectionReconcilerOptions;
  /** By uid: the generation whose electorate was compared with its source. */
  readonly #verified = new Map<string, number | undefined>();

  constructor(options: ElectionReconcilerOptions) {
    this.#options = options;
  }

  /** Rejects only if the API server can't be reached or refuses, or if this process leads no more. */
  async reconcile(look: Look): Promise<NextLook> {
    const { raw, signal } = look;
    const { finalizer, observer, clock, status, resyncMs, events, fence } = this.#options;
    const begun = clock.monotonic();
    const election = readSpec(raw);
    let outcome: Reconciled;
    if (election instanceof ElectionError)
      outcome = rejectedSpec(raw, election, status.current(raw), clock.now());
    else {
      await finalizer.set(raw, election.spec.reclaimPolicy === 'Delete');
      outcome = await this.#run(look, election);
      if (signal.aborted) {
        // What was cut off says nothing about the Election, but for what was done by then.
        fence();
        for (const event of outcome.deeds) events.record(raw, event);
        return 'at once';
      }
    }
    const { failure } = outcome;
    const seconds = (clock.monotonic() - begun) / 1000;
    observer.reconciled(failure ? 'failed' : 'done', seconds, failure?.reason);
    await this.#tell(raw, outcome);
    return nextLook(outcome, resyncMs);
  }

  /** The Election is no more. */
  forget(uid: string): void {
    this.#verified.delete(uid);
  }

  async #run({ raw, all, signal, aside }: Look, election: Election): Promise<Reconciled> {
    const { ports: source, status, fence, clock, closingGraceMs } = this.#options;
    const { uid, generation } = raw.metadata;
    const opened = await source.open(election, raw, all);
    const report = new ProgressReport({
      clock,
      read: opened.progress,
      write: async (count) => {
        const next = withProgress(status.current(raw), count);
        if (next) await status.put(raw, next);
      },
    });
    try {
      const verifySource = !this.#verified.has(uid) || this.#verified.get(uid) !== generation;
      const ports = steppingAside(fencedPorts(opened.ports, fence), aside);
      const outcome = await reconcile(election, ports, status.current(raw), {
        signal,
        verifySource,
        closingGraceMs,
      });
      if (!outcome.failure) this.#verified.set(uid, generation);
      return outcome;
    } finally {
      await report.stop();
      opened.release();
    }
  }

  async #tell(raw: RawElection, outcome: Reconciled): Promise<void> {
    const { status, events, fence } = this.#options;
    fence();
    for (const event of outcome.events) events.record(raw, event);
    await status.put(raw, outcome.status);
  }
}
