import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createLog } from '@scrutin/shared/log.ts';
import {
  ElectionInformer,
  type ElectionSource,
  type RawElection,
  type WatchEvent,
} from './election-informer.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';

const log = createLog({ stage: 'test', level: 'silent' });

const election = (name: string, resourceVersion: string): RawElection => ({
  metadata: { name, namespace: 'ns', uid: name, resourceVersion },
});

/** The API server as an informer sees it; the test ends watches as it likes. */
class FakeSource implements ElectionSource {
  items: RawElection[] = [];
  version = '1';
  lists = 0;
  watchedFrom: string[] = [];
  listFails = false;
  tell: (event: WatchEvent) => void = () => {};
  close: (error?: Error) => void = () => {};

  async list() {
    this.lists++;
    if (this.listFails) throw new Error('no answer');
    return { items: this.items, resourceVersion: this.version };
  }

  watch(resourceVersion: string, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    this.watchedFrom.push(resourceVersion);
    this.tell = onEvent;
    return new Promise((resolve, reject) => {
      this.close = (error) => (error ? reject(error) : resolve());
      signal.addEventListener('abort', () => resolve());
    });
  }
}

let clock: FakeClock;
let source: FakeSource;
let changes: string[];
let ends: string[];
let informer: ElectionInformer;

beforeEach(async () => {
  clock = new FakeClock();
  source = new FakeSource();
  source.items = [election('a', '1'), election('b', '1')];
  changes = [];
  ends = [];
  informer = new ElectionInformer({
    source,
    onChange: (key) => changes.push(key),
    onWatchEnd: (why) => ends.push(why),
    log,
    clock,
  });
  await informer.start();
  await settle();
});
afterEach(() => informer.stop());

test('what is there and what changes is told by key, and kept', async () => {
  expect(changes).toEqual(['ns/a', 'ns/b']);
  source.tell({ type: 'ADDED', object: election('c', '2') });
  source.tell({ type: 'MODIFIED', object: election('a', '3') });
  source.tell({ type: 'DELETED', object: election('b', '4') });
  expect(changes.slice(2)).toEqual(['ns/c', 'ns/a', 'ns/b']);
  expect(informer.get('ns/a')!.metadata.resourceVersion).toBe('3');
  expect(informer.get('ns/b')).toBeUndefined();
});

test('a watch that the server ends in good order goes on from the last version, bookmarks included', async () => {
  source.tell({ type: 'MODIFIED', object: election('a', '7') });
  source.tell({ type: 'BOOKMARK', object: election('', '40') });
  await clock.advance(5_000);
  source.close();
  await settle();
  expect(source.watchedFrom).toEqual(['1', '40']);
  expect(source.lists).toBe(1);
  expect(changes.slice(2)).toEqual(['ns/a']);
});

test('a watch that breaks off is taken up again after a pause that grows up to 30 s', async () => {
  for (let failure = 0; failure < 12; failure++) {
    source.close(new Error('ECONNRESET'));
    await clock.advance(30_000);
  }
  expect(source.watchedFrom).toHaveLength(13);
  const before = source.watchedFrom.length;
  source.listFails = true;
  source.close(new Error('ECONNRESET'));
  await clock.advance(50);
  expect(source.watchedFrom).toHaveLength(before);
});

test('a version that the server has forgotten leads to a new list, by which lost deletions are noticed', async () => {
  await clock.advance(5_000);
  source.items = [election('a', '1'), election('c', '90')];
  source.version = '95';
  source.tell({ type: 'ERROR', object: { code: 410, message: 'too old resource version' } });
  await clock.advance(1_000);
  expect(ends).toEqual(['gone']);
  expect(source.watchedFrom).toEqual(['1', '95']);
  expect(informer.all().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  expect(changes.slice(2).sort()).toEqual(['ns/a', 'ns/b', 'ns/c']);
});

test('a refusal with 410 before the first event leads to a new list too', async () => {
  source.close(Object.assign(new Error('Gone'), { statusCode: 410 }));
  await clock.advance(1_000);
  expect(source.lists).toBe(2);
});

test('a server that closes each watch at once is not asked without pause', async () => {
  for (let i = 0; i < 10; i++) {
    source.close();
    await settle();
  }
  expect(source.watchedFrom.length).toBeLessThanOrEqual(2);
});

test('a list that fails is read again until it succeeds', async () => {
  source.listFails = true;
  source.close(Object.assign(new Error('Gone'), { statusCode: 410 }));
  await clock.advance(3_000);
  expect(source.lists).toBeGreaterThan(2);
  expect(informer.all()).toHaveLength(2);
  source.listFails = false;
  source.items = [];
  await clock.advance(30_000);
  expect(informer.all()).toHaveLength(0);
});

test('stopping ends the watch', async () => {
  await informer.stop();
  await clock.advance(60_000);
  expect(source.watchedFrom).toHaveLength(1);
  expect(clock.timers).toBe(0);
});
