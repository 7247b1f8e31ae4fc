import type { ElectionStatus } from '../../election-resource.ts';
import { type ElectionSource, keyOf, type RawElection, type WatchEvent } from '../election-informer.ts';

/** Elections on an API server in memory, as one client sees it. */
export class FakeElections implements ElectionSource {
  readonly stored = new Map<string, RawElection>();
  #version = 0;
  readonly #watchers = new Set<(event: WatchEvent) => void>();
  readonly #past: WatchEvent[] = [];

  /** Makes an Election, or changes its spec. */
  put(namespace: string, name: string, spec: object): RawElection {
    const before = this.stored.get(`${namespace}/${name}`);
    return this.#store({
      ...before,
      apiVersion: 'scrutin.dev/v1alpha1',
      kind: 'Election',
      metadata: {
        uid: `uid-${this.#version}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...before?.metadata,
        name,
        namespace,
        resourceVersion: '',
        generation: (before?.metadata.generation ?? 0) + 1,
      },
      spec,
    });
  }

  async writeStatus({ metadata }: RawElection, status: ElectionStatus): Promise<void> {
    const before = this.#same(metadata);
    this.#store({ ...before, status });
  }

  async applyFinalizers({ metadata }: RawElection, finalizers: readonly string[]): Promise<void> {
    const before = this.#same(metadata);
    this.#store({ ...before, metadata: { ...before.metadata, finalizers: [...finalizers] } });
  }

  /** Asks for the deletion, as a person does. */
  delete(key: string): void {
    const before = this.stored.get(key)!;
    this.#store({ ...before, metadata: { ...before.metadata, deletionTimestamp: '2026-06-01T00:00:00Z' } });
  }

  async list() {
    return { items: [...this.stored.values()], resourceVersion: String(this.#version) };
  }

  watch(from: string, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    for (const event of this.#past.slice(Number(from))) onEvent(copy(event));
    this.#watchers.add(onEvent);
    return new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        this.#watchers.delete(onEvent);
        resolve();
      }),
    );
  }

  #same(metadata: RawElection['metadata']): RawElection {
    const before = this.stored.get(`${metadata.namespace}/${metadata.name}`);
    if (before?.metadata.uid !== metadata.uid)
      throw Object.assign(new Error('not found'), { statusCode: 404 });
    return before;
  }

  #store(election: RawElection): RawElection {
    const key = keyOf(election);
    const { deletionTimestamp, finalizers = [] } = election.metadata;
    const gone = deletionTimestamp !== undefined && finalizers.length === 0;
    const metadata = { ...election.metadata, resourceVersion: String(++this.#version) };
    const object = { ...election, metadata };
    const type = gone ? 'DELETED' : this.stored.has(key) ? 'MODIFIED' : 'ADDED';
    if (gone) this.stored.delete(key);
    else this.stored.set(key, object);
    const event: WatchEvent = { type, object };
    this.#past.push(event);
    for (const tell of this.#watchers) tell(copy(event));
    return object;
  }
}

/** As it comes off the wire. */
const copy = (event: WatchEvent): WatchEvent => JSON.parse(JSON.stringify(event)) as WatchEvent;
