import type { Log } from '@scrutin/shared/log.ts';
import { type Clock, pauseOn, systemClock } from './clock.ts';
import { isGone, messageOf } from './kube-error.ts';

/** A resource as the API server sends it, not checked yet. */
export interface RawElection {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    annotations?: Record<string, string>;
  };
  spec?: unknown;
  status?: unknown;
}

export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: RawElection }
  | { type: 'ERROR'; object: { code?: number; message?: string } };

/** Elections on the API server. */
export interface ElectionSource {
  /** All of them, with the version to watch from. */
  list(): Promise<{ items: RawElection[]; resourceVersion: string }>;
  /**
   * Tells changes since `resourceVersion` until the watch ends: resolves when the server ends it in good order, rejects
   * when it is refused, breaks off or falls silent. Ends at once when `signal` is aborted.
   */
  watch(resourceVersion: string, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface ElectionInformerOptions {
  source: ElectionSource;
  /** Called with a key whenever its Election has changed, or may have. Only to put the key into a queue. */
  onChange: (key: string) => void;
  /** Called whenever a watch has ended, with what ended it. */
  onWatchEnd?: (why: 'closed' | 'gone' | 'failed') => void;
  log: Log;
  clock?: Clock;
}

const FIRST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 30_000;
/** A watch that ended sooner counts as a failure: a server that closes at once must not be asked without pause. */
const SHORT_WATCH_MS = 1_000;

/** The key of an Election: `namespace/name`. */
export const keyOf = ({ metadata: { namespace, name } }: RawElection): string => `${namespace}/${name}`;

/**
 * Keeps a copy of all Elections, true to the API server whatever happens on the way: a watch that drops goes on from
 * where it was; a version that the server has forgotten (410 Gone), or cannot be trusted, leads to a new list.
 */
export class ElectionInformer {
  readonly #options: Required<Pick<ElectionInformerOptions, 'clock'>> & ElectionInformerOptions;
  readonly #stopping = new AbortController();
  #store = new Map<string, RawElection>();
  #version: string | undefined;
  #running: Promise<void> | undefined;
  #synced = false;
  readonly #onSync: (() => void)[] = [];

  constructor(options: ElectionInformerOptions) {
    this.#options = { clock: systemClock, ...options };
  }

  /** True once a list has been read. */
  get synced(): boolean {
    return this.#synced;
  }

  get(key: string): RawElection | undefined {
    return this.#store.get(key);
  }

  all(): RawElection[] {
    return [...this.#store.values()];
  }

  /** Starts, and resolves once the first list is there, or after {@link stop}. */
  start(): Promise<void> {
    this.#running ??= this.#run();
    return new Promise((resolve) => {
      if (this.#synced || this.#stopping.signal.aborted) resolve();
      else this.#onSync.push(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
    for (const resolve of this.#onSync.splice(0)) resolve();
  }

  async #run(): Promise<void> {
    const { clock, log, onWatchEnd } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const begun = clock.monotonic();
      try {
        if (this.#version === undefined) await this.#list();
        await this.#watch();
        if (signal.aborted) return;
        onWatchEnd?.('closed');
        failures = clock.monotonic() - begun < SHORT_WATCH_MS ? failures + 1 : 0;
      } catch (error) {
        if (signal.aborted) return;
        const gone = isGone(error);
        // A watch that did its work for a while is no sign of a server in trouble.
        failures = clock.monotonic() - begun < SHORT_WATCH_MS ? failures + 1 : 1;
        if (gone) this.#version = undefined;
        onWatchEnd?.(gone ? 'gone' : 'failed');
        log[gone ? 'info' : 'warn']({ failures }, `the watch of Elections has ended: ${messageOf(error)}`);
      }
      if (failures > 0) {
        const ceiling = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, failures - 1));
        await pauseOn(clock, ceiling / 2 + (Math.random() * ceiling) / 2, signal);
      }
    }
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await this.#options.source.list();
    const before = this.#store;
    this.#store = new Map(items.map((item) => [keyOf(item), item]));
    this.#version = resourceVersion;
    const changed = new Set([...before.keys(), ...this.#store.keys()]);
    for (const key of changed) this.#changed(key);
    this.#synced = true;
    for (const resolve of this.#onSync.splice(0)) resolve();
  }

  async #watch(): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, ended.signal]);
    let refused: Error | undefined;
    await this.#options.source.watch(
      this.#version!,
      (event) => {
        if (refused) return;
        if (event.type === 'ERROR') {
          const { code, message } = event.object;
          refused = Object.assign(new Error(message ?? `code ${code}`), { statusCode: code });
          ended.abort();
        } else this.#take(event);
      },
      signal,
    );
    if (refused) throw refused;
  }

  #take({ type, object }: Exclude<WatchEvent, { type: 'ERROR' }>): void {
    this.#version = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    const key = keyOf(object);
    if (type === 'DELETED') this.#store.delete(key);
    else this.#store.set(key, object);
    this.#changed(key);
  }

  #changed(key: string): void {
    try {
      this.#options.onChange(key);
    } catch (error) {
      this.#options.log.error({ err: error }, 'a change could not be taken');
    }
  }
}
