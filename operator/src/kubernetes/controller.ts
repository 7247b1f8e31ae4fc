import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@scrutin/shared/log.ts';
import type { Election, ElectionStatus, Phase } from '../election-resource.ts';
import { ElectionError, parseElection } from '../read-election.ts';
import { Conditions, StepError } from '../reconcile/conditions.ts';
import { type Reconciled, reconcile } from '../reconcile/reconcile.ts';
import { removeElection } from '../reconcile/remove-election.ts';
import { type Clock, systemClock } from './clock.ts';
import { ElectionInformer, type ElectionSource, keyOf, type RawElection } from './election-informer.ts';
import type { OpenPorts, PortsSource } from './election-ports.ts';
import type { EventRecorder } from './events.ts';
import { fencedPorts } from './fenced-ports.ts';
import type { Finalizer } from './finalizer.ts';
import { isConflict, isNotFound, messageOf } from './kube-error.ts';
import { ProgressReport } from './progress-report.ts';
import type { StatusWriter } from './status-writer.ts';
import { steppingAside } from './stepping-aside.ts';
import { type StepAside, WorkQueue } from './work-queue.ts';

export interface ControllerOptions {
  source: ElectionSource;
  ports: PortsSource;
  status: StatusWriter;
  finalizer: Finalizer;
  events: EventRecorder;
  /** Throws once this process may not write any more. */
  fence: () => void;
  observer: ControllerObserver;
  /** Elections that are worked on at a time; those that wait for a load or for votes to be counted come on top. */
  workers: number;
  /** Between two looks at an Election that has not changed. Milliseconds. */
  resyncMs: number;
  closingGraceMs: number;
  log: Log;
  clock?: Clock;
}

/** What the metrics are made from. */
export interface ControllerObserver {
  reconciled(outcome: 'done' | 'failed' | 'error', seconds: number, reason?: string): void;
  watchEnded(why: 'closed' | 'gone' | 'failed'): void;
}

/** How much less often an Election is looked at that is closed: nothing moves there any more. */
const CLOSED_FACTOR = 10;
/** Phases that go by what was published, whatever becomes of the spec. */
const BEGUN: readonly Phase[] = ['Open', 'Draining', 'Closed'];
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
  /** By key: what is worked on now, and how to cut it off. */
  readonly #active = new Map<string, { generation: number | undefined; cut: AbortController }>();
  /** By uid: the generation whose electorate was compared with its source. */
  readonly #verified = new Map<string, number | undefined>();
  /** By key: the Election as it was worked on last. */
  readonly #seen = new Map<string, RawElection>();

  constructor(options: ControllerOptions) {
    this.#options = { clock: systemClock, ...options };
    const { source, log, workers, observer, resyncMs, clock } = this.#options;
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

  /** Works until `signal` is aborted; resolves when everything has stopped. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, ports, events } = this.#options;
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
    await this.#informer.stop();
    await this.#within(STOP_LIMIT_MS, this.#queue.stop());
    await this.#within(STOP_LIMIT_MS, events.flush());
    await ports.close();
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(ms, resolve);
    });
    await Promise.race([work, late]);
    cancel();
  }

  /** Puts the key into the queue; a load that goes on for a spec that is no more is cut off. */
  #changed(key: string): void {
    const raw = this.#informer.get(key);
    if (raw && this.#isOwnDoing(key, raw)) return;
    const active = this.#active.get(key);
    const outdated = !raw || raw.metadata.deletionTimestamp || raw.metadata.generation !== active?.generation;
    if (active && outdated) active.cut.abort(new Error('the Election was changed'));
    this.#queue.add(key);
  }

  /** True if all that has changed is the status, to what this process wrote there. */
  #isOwnDoing(key: string, { metadata, status }: RawElection): boolean {
    const before = this.#seen.get(key);
    if (!before || before.metadata.uid !== metadata.uid) return false;
    const { generation, deletionTimestamp, annotations } = before.metadata;
    return (
      generation === metadata.generation &&
      deletionTimestamp === metadata.deletionTimestamp &&
      isDeepStrictEqual(annotations, metadata.annotations) &&
      isDeepStrictEqual(status, this.#options.status.current(before))
    );
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
      if (raw.metadata.deletionTimestamp) await this.#finalize(key, raw);
      else await this.#reconcile(key, raw, active.cut.signal, aside);
    } catch (error) {
      // The Election has changed or gone meanwhile; the informer tells, and its key is in the queue by then.
      if (!isConflict(error) && !isNotFound(error)) throw error;
      this.#queue.addWithBackoff(key);
    } finally {
      this.#active.delete(key);
    }
  }

  async #reconcile(key: string, raw: RawElection, signal: AbortSignal, aside: StepAside): Promise<void> {
    const { finalizer, observer, clock, status } = this.#options;
    const begun = clock.monotonic();
    const election = parsed(raw);
    if (election instanceof ElectionError) {
      const outcome = rejected(raw, election, status.current(raw), clock.now());
      observer.reconciled('failed', 0, 'Invalid');
      await this.#tell(raw, outcome);
      this.#queue.addAfter(key, this.#nextLook(outcome));
      return;
    }
    await finalizer.set(raw, election.spec.reclaimPolicy === 'Delete');
    const outcome = await this.#run(raw, election, signal, aside);
    // What was cut off says nothing about the Election.
    if (signal.aborted) return this.#queue.add(key);
    const { failure } = outcome;
    const seconds = (clock.monotonic() - begun) / 1000;
    observer.reconciled(failure ? 'failed' : 'done', seconds, failure?.reason);
    await this.#tell(raw, outcome);
    if (failure && !failure.lasting) return this.#queue.addWithBackoff(key);
    this.#queue.forget(key);
    this.#queue.addAfter(key, this.#nextLook(outcome));
  }

  async #run(
    raw: RawElection,
    election: Election,
    signal: AbortSignal,
    aside: StepAside,
  ): Promise<Reconciled> {
    const { ports: source, status, fence, clock, closingGraceMs } = this.#options;
    const { uid, generation } = raw.metadata;
    const opened = await source.open(election, raw, this.elections());
    const report = new ProgressReport({
      clock,
      read: opened.progress,
      write: (electorate) => this.#putProgress(raw, electorate),
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

  async #putProgress(raw: RawElection, electorate: NonNullable<ElectionStatus['electorate']>): Promise<void> {
    const { status } = this.#options;
    const before = status.current(raw);
    // A load that has yet to begin is worth a word only where nothing has been said.
    if (electorate.processed === 0 && before?.phase !== undefined) return;
    const { conditions = [], phase = 'Preparing', ...rest } = before ?? {};
    const now = phase === 'Pending' || phase === 'Failed' ? 'Preparing' : phase;
    await status.put(raw, {
      ...rest,
      phase: now,
      conditions,
      electorate: { ...rest.electorate, ...electorate },
    });
  }

  async #tell(raw: RawElection, outcome: Reconciled): Promise<void> {
    const { status, events } = this.#options;
    this.#options.fence();
    for (const event of outcome.events) events.record(raw, event);
    await status.put(raw, outcome.status);
  }

  /** The resyncs of many Elections are spread, so that they don't come all at once. */
  #nextLook({ requeueAfterMs, status }: Reconciled): number {
    const { resyncMs } = this.#options;
    const resync = (status.phase === 'Closed' ? CLOSED_FACTOR : 1) * resyncMs * (0.9 + Math.random() * 0.2);
    return Math.min(requeueAfterMs ?? resync, resync);
  }

  async #finalize(key: string, raw: RawElection): Promise<void> {
    const { finalizer, events } = this.#options;
    const finalized = await finalizer.finalize(raw, async () => {
      const election = parsed(raw);
      if (election instanceof ElectionError) throw election;
      await this.#remove(raw, election);
    });
    if (finalized.state === 'retry') {
      events.record(raw, { type: 'Warning', reason: 'CleanupFailed', message: messageOf(finalized.error) });
      this.#queue.addWithBackoff(key);
    } else if (finalized.state === 'abandoned')
      events.record(raw, {
        type: 'Warning',
        reason: 'CleanupAbandoned',
        message: `The Election is let go, and what could not be removed is left behind: ${messageOf(finalized.error)}`,
      });
  }

  async #remove(raw: RawElection, election: Election): Promise<void> {
    let opened: OpenPorts | undefined;
    try {
      opened = await this.#options.ports.open(election, raw, this.elections());
      await removeElection(election, fencedPorts(opened.ports, this.#options.fence));
    } catch (error) {
      // What is there under that name is another Election's.
      if (!isNameTaken(error)) throw error;
    } finally {
      opened?.release();
    }
  }

  async #forget(key: string, uid: string): Promise<void> {
    const { status, finalizer, events, ports } = this.#options;
    this.#seen.delete(key);
    this.#verified.delete(uid);
    this.#queue.forget(key);
    status.forget(uid);
    finalizer.forget(uid);
    events.forget(uid);
    await ports.forget(uid);
  }
}

const isNameTaken = (error: unknown): boolean =>
  error instanceof AggregateError &&
  error.errors.every((one) => one instanceof StepError && one.reason === 'NameTaken');

/** The Election with its defaults, or what is wrong with it: an older CRD, or none of its rules, let it in. */
function parsed(raw: RawElection): Election | ElectionError {
  try {
    return parseElection({ ...raw, status: undefined }, keyOf(raw));
  } catch (error) {
    if (error instanceof ElectionError) return error;
    throw error;
  }
}

/** The outcome for a spec that can't be read. */
function rejected(
  { metadata: { generation } }: RawElection,
  { problems }: ElectionError,
  previous: Partial<ElectionStatus> | undefined,
  now: number,
): Reconciled {
  const message = `the spec can’t be read: ${problems.join('; ')}`;
  const conditions = new Conditions(previous?.conditions ?? [], () => now, generation);
  conditions.set('SpecAccepted', 'False', 'Invalid', message);
  conditions.set('Ready', 'False', 'Invalid', message);
  const told = previous?.conditions?.some((condition) => condition.message === message);
  return {
    status: {
      ...previous,
      ...(generation !== undefined && { observedGeneration: generation }),
      // Votes may be taken or counted: what the stages were told still holds, and only Ready says what is wrong.
      phase: previous?.phase && BEGUN.includes(previous.phase) ? previous.phase : 'Failed',
      conditions: conditions.list(),
    },
    events: told ? [] : [{ type: 'Warning', reason: 'Invalid', message }],
    failure: new StepError('Invalid', message, { lasting: true }),
  };
}
