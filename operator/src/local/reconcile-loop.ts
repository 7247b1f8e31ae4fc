import { stat } from 'node:fs/promises';
import type { Log } from '@scrutin/shared/log.ts';
import { backoff, pause } from '@scrutin/shared/retry.ts';
import type { Election, ElectionStatus } from '../election-resource.ts';
import { readElectionFile } from '../read-election.ts';
import type { ElectorateProgress, Ports } from '../reconcile/ports.ts';
import { type Reconciled, reconcile } from '../reconcile/reconcile.ts';
import { readStatus, writeStatus } from './status-file.ts';

export interface ReconcileLoopOptions {
  electionFile: string;
  statusFile: string | undefined;
  /** The loop serves the Election of this name only. */
  electionId: string;
  ports: Ports;
  resyncMs: number;
  closingGraceMs: number;
  log: Log;
  onReconciled?: (outcome: Reconciled, seconds: number) => void;
}

/** How often the file is looked at for a change. Milliseconds. */
const FILE_LOOK_MS = 500;

/**
 * Reconciles an Election file until `stop`: again when the file changes, when the clock asks for it, after
 * a failure with a growing pause, and at every resync.
 */
export class ReconcileLoop {
  readonly #options: ReconcileLoopOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** The last one that could be read: a slip of the pen must not keep an election from closing. */
  #election: Election | undefined;
  /** What was last said of the file, so that it is said once. */
  #fault = '';
  #status: ElectionStatus | undefined;

  constructor(options: ReconcileLoopOptions) {
    this.#options = options;
  }

  /** The last status, or undefined before the first look. */
  get status(): ElectionStatus | undefined {
    return this.#status;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the step at hand; a long load is cut off and goes on next time. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { statusFile, resyncMs, log } = this.#options;
    this.#status = await readStatus(statusFile);
    let changed: number | undefined;
    let verifySource = true;
    let failures = 0;
    while (!signal.aborted) {
      const seen = await changeTime(this.#options.electionFile);
      if (seen !== changed) await this.#read(seen);
      const outcome = await this.#once(verifySource || seen !== changed);
      failures = outcome?.failure ? failures + 1 : 0;
      verifySource = failures > 0;
      changed = seen;
      await this.#sleep(pauseAfter(outcome, failures, resyncMs), seen);
    }
    log.debug('the reconcile loop has ended');
  }

  /** Sleeps, but not past a change of the file. */
  async #sleep(ms: number, seen: number): Promise<void> {
    const { signal } = this.#stopping;
    const until = Date.now() + ms;
    while (!signal.aborted) {
      const left = until - Date.now();
      if (left <= 0 || (await changeTime(this.#options.electionFile)) !== seen) return;
      await pause(Math.min(left, FILE_LOOK_MS), signal);
    }
  }

  async #once(verifySource: boolean): Promise<Reconciled | undefined> {
    const { ports, log, closingGraceMs, statusFile, onReconciled } = this.#options;
    const election = this.#election;
    if (!election) return undefined;
    const start = performance.now();
    const outcome = await reconcile(election, ports, this.#status, {
      signal: this.#stopping.signal,
      verifySource,
      closingGraceMs,
      onProgress: progressLog(log),
    });
    // What was cut off says nothing about the Election, but for what was done by then: the next run finds it done.
    const cutOff = this.#stopping.signal.aborted && outcome.failure !== undefined;
    for (const { type, reason, message } of cutOff ? outcome.deeds : outcome.events)
      log[type === 'Warning' ? 'warn' : 'info']({ reason }, message);
    if (cutOff) return outcome;
    this.#status = outcome.status;
    await writeStatus(statusFile, outcome.status).catch((error: Error) =>
      log.warn({ err: error }, 'the status file can’t be written'),
    );
    onReconciled?.(outcome, (performance.now() - start) / 1000);
    return outcome;
  }

  /** Takes what the file says now; if it can't be read, says so and goes on with what it said before. */
  async #read(generation: number): Promise<void> {
    const { electionFile, electionId, log } = this.#options;
    try {
      const election = await readElectionFile(electionFile);
      if (election.metadata.name !== electionId)
        throw new Error(
          `${electionFile}: metadata.name is not ${electionId} any more; start again for another election`,
        );
      // A file has no generation of its own; the time of its last change serves as one.
      this.#election = { ...election, metadata: { ...election.metadata, generation } };
      if (this.#fault !== '') log.info(`${electionFile}: can be read again`);
      this.#fault = '';
    } catch (error) {
      const { message } = error as Error;
      const goesOn = this.#election ? '; going on with what it said before' : '';
      if (message !== this.#fault) log.error(message + goesOn);
      this.#fault = message;
    }
  }
}

/** Milliseconds until the next look. What only a person can mend is not hurried. */
function pauseAfter(outcome: Reconciled | undefined, failures: number, resyncMs: number): number {
  const wanted = Math.min(outcome?.requeueAfterMs ?? resyncMs, resyncMs);
  if (failures === 0) return wanted;
  return outcome?.failure?.lasting ? resyncMs : backoff(failures, 200, resyncMs);
}

const changeTime = async (path: string): Promise<number> => {
  try {
    return Math.round((await stat(path)).mtimeMs);
  } catch {
    return 0;
  }
};

/** Tells how a long load goes on, every two seconds. */
function progressLog(log: Log): (progress: ElectorateProgress) => void {
  let told = performance.now();
  return ({ processed, errors, share }) => {
    if (performance.now() - told < 2_000) return;
    told = performance.now();
    log.info(
      { processed, errors, ...(share !== undefined && { percent: Math.round(share * 100) }) },
      'loading the electorate',
    );
  };
}
