import { type Clock, systemClock } from './clock.ts';

/** Waits for something without taking a worker meanwhile: others are worked on, the key itself still is not. */
export type StepAside = <T>(wait: () => Promise<T>) => Promise<T>;

export interface WorkQueueOptions {
  /** Works on what stands behind a key. A rejection is told to `onError` and the key is tried again with backoff. */
  process: (key: string, aside: StepAside) => Promise<void>;
  onError: (key: string, error: unknown) => void;
  /** Keys that are worked on at a time. */
  workers: number;
  /** Pause before a key's first retry, doubled with each further one up to `mostBackoffMs`. Milliseconds. */
  firstBackoffMs?: number;
  mostBackoffMs?: number;
  clock?: Clock;
  /** From 0 to 1, for the backoff's jitter. */
  random?: () => number;
}

/**
 * Keys of things to be worked on, as client-go's queue: a key waits once however often it is added, is never worked on
 * twice at a time, and is worked on again afterwards if it was added meanwhile. Keys don't wait for each other while
 * there is a free worker, and a key that fails waits alone.
 */
export class WorkQueue {
  readonly #options: Required<WorkQueueOptions>;
  /** In the order in which they were added. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  /** Of those that are worked on, how many only wait. */
  #aside = 0;
  /** Added while being worked on. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#options = {
      firstBackoffMs: 500,
      mostBackoffMs: 60_000,
      clock: systemClock,
      random: Math.random,
      ...options,
    };
  }

  /** Keys that wait for a worker now; those that wait for their time are not among them. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Keys that are worked on now. */
  get working(): number {
    return this.#working.size;
  }

  /** Has the key worked on as soon as a worker is free. */
  add(key: string): void {
    if (this.#stopped) return;
    if (this.#working.has(key)) this.#again.add(key);
    else {
      this.#waiting.add(key);
      this.#dispatch();
    }
  }

  /** Has the key worked on after `ms` milliseconds at the latest: of two delays the sooner counts. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    const at = this.#options.clock.monotonic() + ms;
    const before = this.#delayed.get(key);
    if (before && before.at <= at) return;
    before?.cancel();
    const cancel = this.#options.clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  /** Has the key worked on again after a pause that grows with each time, until {@link forget}. */
  addWithBackoff(key: string): void {
    const { firstBackoffMs, mostBackoffMs, random } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const ceiling = Math.min(mostBackoffMs, firstBackoffMs * 2 ** Math.min(30, failures - 1));
    this.addAfter(key, ceiling / 2 + (random() * ceiling) / 2);
  }

  /** The key's work has succeeded: its next backoff begins anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Takes no more keys, drops those that wait, and resolves when the work at hand is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    this.#again.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    if (this.#working.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #dispatch(): void {
    for (const key of this.#waiting) {
      if (this.#working.size - this.#aside >= this.#options.workers) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    const { process, onError } = this.#options;
    // What was to be looked at later is looked at now; the outcome says when next.
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    try {
      await process(key, (wait) => this.#stepAside(wait));
    } catch (error) {
      onError(key, error);
      this.addWithBackoff(key);
    }
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
    this.#dispatch();
    if (this.#stopped && this.#working.size === 0) for (const idle of this.#onIdle.splice(0)) idle();
  }
  async #stepAside<T>(wait: () => Promise<T>): Promise<T> {
    this.#aside++;
    this.#dispatch();
    try {
      return await wait();
    } finally {
      this.#aside--;
    }
  }
}
