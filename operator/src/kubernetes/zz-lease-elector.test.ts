import { afterEach, expect, test } from '@jest/globals';
import { createLog } from '@scrutin/shared/log.ts';
import fc from 'fast-check';
import type { Clock } from './clock.ts';
import { LeaseElector } from './zz-elector.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';

const log = createLog({ stage: 'test', level: 'silent' });

/** The API server as the electors see it. */
class FakeLeases implements LeaseStore {
  lease: StoredLease | undefined;
  reachable = true;
  #version = 0;

  async read(): Promise<StoredLease | undefined> {
    this.#require();
    return this.lease;
  }

  async create(record: LeaseRecord): Promise<StoredLease | undefined> {
    this.#require();
    return this.lease ? undefined : this.#store(record);
  }

  async replace(lease: StoredLease, record: LeaseRecord): Promise<StoredLease | undefined> {
    this.#require();
    return this.lease?.version === lease.version ? this.#store(record) : undefined;
  }

  #store(record: LeaseRecord): StoredLease {
    this.lease = { record, version: String(++this.#version) };
    return this.lease;
  }

  #require(): void {
    if (!this.reachable) throw new Error('no answer');
  }
}

/** The way to the API server of one candidate, which can be cut off alone. */
class Way implements LeaseStore {
  cut = false;
  readonly #leases: FakeLeases;

  constructor(leases: FakeLeases) {
    this.#leases = leases;
  }

  read = () => this.#go(() => this.#leases.read());
  create = (record: LeaseRecord) => this.#go(() => this.#leases.create(record));
  replace = (lease: StoredLease, record: LeaseRecord) => this.#go(() => this.#leases.replace(lease, record));

  async #go<T>(ask: () => Promise<T>): Promise<T> {
    if (this.cut) throw new Error('no way there');
    return ask();
  }
}

const started: LeaseElector[] = [];
const clock = { current: new FakeClock() };
afterEach(async () => {
  const ends = started.splice(0).map((elector) => elector.stop());
  await clock.current.advance(60_000);
  await Promise.all(ends);
});

function candidate(identity: string, store: LeaseStore, time: Clock = clock.current) {
  const terms: { begun: number; ended?: number; why?: string }[] = [];
  const elector = new LeaseElector({
    store,
    identity,
    clock: time,
    log,
    lead: (signal) =>
      new Promise((resolve) => {
        const term: (typeof terms)[number] = { begun: time.monotonic() };
        terms.push(term);
        signal.addEventListener('abort', () => {
          term.ended = time.monotonic();
          term.why = (signal.reason as Error).message;
          resolve();
        });
      }),
  });
  started.push(elector);
  elector.start();
  return { elector, terms };
}

const leading = (...candidates: { elector: LeaseElector }[]) =>
  candidates.map(({ elector }) => elector.leading);

test('of two candidates one leads, and goes on leading while it renews', async () => {
  const leases = new FakeLeases();
  const a = candidate('a', leases);
  await settle();
  const b = candidate('b', leases);
  await clock.current.advance(120_000);
  expect(leading(a, b)).toEqual([true, false]);
  expect(b.elector.holder).toBe('a');
  expect(leases.lease!.record.transitions).toBe(0);
});

test('a leader that is killed is followed once its lease has run out, and not before', async () => {
  const leases = new FakeLeases();
  const dead: LeaseRecord = {
    holder: 'dead',
    durationSeconds: 15,
    acquiredAt: new Date(0),
    renewedAt: new Date(0),
    transitions: 3,
  };
  await leases.create(dead);
  const b = candidate('b', leases);
  await clock.current.advance(14_999);
  expect(b.elector.leading).toBe(false);
  await clock.current.advance(2_500);
  expect(b.elector.leading).toBe(true);
  expect(leases.lease!.record).toMatchObject({ holder: 'b', transitions: 4 });
});

test('a leader that stops gives the lease back, and the other leads within two looks', async () => {
  const leases = new FakeLeases();
  const a = candidate('a', leases);
  await settle();
  const b = candidate('b', leases);
  await clock.current.advance(5_000);
  const stopped = a.elector.stop();
  await settle();
  await stopped;
  expect(leases.lease!.record.holder).toBe('');
  await clock.current.advance(2_500);
  expect(leading(a, b)).toEqual([false, true]);
  expect(a.terms[0]!.why).toBe('it was told to stop');
});

test('a leader that is cut off has stopped before anybody can take its lease', async () => {
  const leases = new FakeLeases();
  const way = new Way(leases);
  const a = candidate('a', way);
  await settle();
  const b = candidate('b', leases);
  await clock.current.advance(20_000);
  way.cut = true;
  await clock.current.advance(60_000);
  expect(a.terms).toHaveLength(1);
  expect(a.terms[0]!.why).toMatch(/could not be renewed for 10 s/);
  expect(b.terms[0]!.begun - a.terms[0]!.ended!).toBeGreaterThanOrEqual(4_000);
  way.cut = false;
  await clock.current.advance(60_000);
  expect(leading(a, b)).toEqual([false, true]);
});

test('an API server that is away for less than the renewal’s deadline changes nothing', async () => {
  const leases = new FakeLeases();
  const a = candidate('a', leases);
  await clock.current.advance(10_000);
  leases.reachable = false;
  await clock.current.advance(7_000);
  leases.reachable = true;
  await clock.current.advance(30_000);
  expect(a.terms).toHaveLength(1);
  expect(a.elector.leading).toBe(true);
});

test('clocks that differ by hours take no lease away', async () => {
  const leases = new FakeLeases();
  const a = candidate('a', leases);
  await settle();
  clock.current.skew = 6 * 3_600_000;
  const b = candidate('b', leases);
  await clock.current.advance(30_000);
  clock.current.skew = -6 * 3_600_000;
  await clock.current.advance(30_000);
  expect(leading(a, b)).toEqual([true, false]);
  clock.current.skew = 0;
});

test('a process that was frozen past its lease knows that it leads no more before a timer has run', async () => {
  const leases = new FakeLeases();
  let frozen = 0;
  const time: Clock = {
    monotonic: () => clock.current.monotonic() + frozen,
    now: () => clock.current.now(),
    after: (ms, callback) => clock.current.after(ms, callback),
  };
  const a = candidate('a', leases, time);
  await clock.current.advance(5_000);
  expect(a.elector.leading).toBe(true);
  frozen = 60_000;
  expect(a.elector.leading).toBe(false);
});

test('a lease that another took is not taken back', async () => {
  const leases = new FakeLeases();
  const a = candidate('a', leases);
  await clock.current.advance(1_000);
  await leases.replace(leases.lease!, { ...leases.lease!.record, holder: 'c' });
  await clock.current.advance(3_000);
  expect(a.elector.leading).toBe(false);
  expect(a.terms[0]!.why).toBe('c holds the lease');
  expect(leases.lease!.record.holder).toBe('c');
});

test('durations that would let two lead are refused', () => {
  const make = (leaseDurationMs: number, renewDeadlineMs: number) => () =>
    new LeaseElector({
      store: new FakeLeases(),
      identity: 'a',
      log,
      leaseDurationMs,
      renewDeadlineMs,
      lead: async () => {},
    });
  expect(make(10_000, 10_000)).toThrow(RangeError);
  expect(make(10_500, 8_000)).toThrow(RangeError);
});

test('whoever is cut off, for whatever time, never two lead at once, and one leads in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ who: fc.nat(2), cut: fc.boolean(), ms: fc.integer({ min: 100, max: 20_000 }) }), {
        maxLength: 20,
      }),
      async (steps) => {
        const time = new FakeClock();
        const leases = new FakeLeases();
        const ways = [new Way(leases), new Way(leases), new Way(leases)];
        const candidates = ways.map((way, i) => candidate(`c${i}`, way, time));
        const electors = started.splice(0);
        const check = () =>
          expect(electors.filter((elector) => elector.leading).length).toBeLessThanOrEqual(1);
        for (const { who, cut, ms } of steps) {
          ways[who]!.cut = cut;
          for (let passed = 0; passed < ms; passed += 500) {
            await time.advance(500);
            check();
          }
        }
        for (const way of ways) way.cut = false;
        await time.advance(40_000);
        expect(leading(...candidates).filter(Boolean)).toHaveLength(1);
        const ends = electors.map((elector) => elector.stop());
        await time.advance(10_000);
        await Promise.all(ends);
      },
    ),
    { numRuns: 15 },
  );
});

/** A machine that can be frozen, as by SIGSTOP: time goes on, and what falls due runs when it wakes up. */
class Machine implements Clock {
  readonly #time: FakeClock;
  #frozen = false;
  #due: (() => void)[] = [];

  constructor(time: FakeClock) {
    this.#time = time;
  }

  monotonic = () => this.#time.monotonic();
  now = () => this.#time.now();
  after = (ms: number, callback: () => void) => this.#time.after(ms, () => this.run(callback));

  get frozen(): boolean {
    return this.#frozen;
  }

  run(callback: () => void): void {
    if (this.#frozen) this.#due.push(callback);
    else callback();
  }

  set frozen(frozen: boolean) {
    this.#frozen = frozen;
    if (!frozen) for (const callback of this.#due.splice(0)) callback();
  }
}

/** A machine's way to the API server, on which requests and answers take their time or get lost. */
class SlowWay implements LeaseStore {
  thereMs = 5;
  backMs = 5;
  loses: 'nothing' | 'requests' | 'answers' = 'nothing';
  readonly #leases: FakeLeases;
  readonly #machine: Machine;
  readonly #time: FakeClock;

  constructor(leases: FakeLeases, machine: Machine, time: FakeClock) {
    this.#leases = leases;
    this.#machine = machine;
    this.#time = time;
  }

  read = () => this.#go(() => this.#leases.read());
  create = (record: LeaseRecord) => this.#go(() => this.#leases.create(record));
  replace = (lease: StoredLease, record: LeaseRecord) => this.#go(() => this.#leases.replace(lease, record));

  #go<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#machine.after(15_000, () => reject(new Error('no answer in time')));
      const { loses, backMs } = this;
      this.#time.after(this.thereMs, async () => {
        if (loses === 'requests') return;
        const answer = await ask();
        if (loses === 'answers') return;
        this.#time.after(backMs, () => {
          cancel();
          this.#machine.run(() => resolve(answer));
        });
      });
    });
  }
}

test('whatever is slow, lost or frozen, and for how long, no two processes lead at a moment', async () => {
  const delay = fc.oneof(fc.constant(5), fc.integer({ min: 5, max: 14_000 }));
  const step = fc.record({
    who: fc.nat(2),
    frozen: fc.oneof(fc.constant(false), fc.constant(false), fc.boolean()),
    way: fc.record({
      thereMs: delay,
      backMs: delay,
      loses: fc.constantFrom<SlowWay['loses'][]>('nothing', 'nothing', 'requests', 'answers'),
    }),
    ms: fc.integer({ min: 100, max: 25_000 }),
  });
  const pauses = fc.constantFrom(
    ...[500, 500, 500],
    ...[13_000, 500, 500],
    ...[500, 2_000, 13_000],
    ...[2_000, 500, 1_000],
  );
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(pauses, pauses, pauses),
      fc.array(step, { maxLength: 15 }),
      async (retryPeriods, steps) => {
        const time = new FakeClock();
        const leases = new FakeLeases();
        const machines = [0, 1, 2].map(() => new Machine(time));
        const ways = machines.map((machine) => new SlowWay(leases, machine, time));
        /** Per machine, whether it does a leader's work: from the call of `lead` until its signal says stop. */
        const atWork = [false, false, false];
        const electors = machines.map((machine, i) => {
          const elector = new LeaseElector({
            store: ways[i]!,
            identity: `c${i}`,
            clock: machine,
            log,
            leaseDurationMs: 15_000,
            renewDeadlineMs: 14_500,
            retryPeriodMs: retryPeriods[i]!,
            lead: (signal) =>
              new Promise((resolve) => {
                atWork[i] = true;
                signal.addEventListener('abort', () => {
                  atWork[i] = false;
                  resolve();
                });
              }),
          });
          elector.start();
          return elector;
        });
        const check = () => {
          expect(electors.filter(({ leading }) => leading).length).toBeLessThanOrEqual(1);
          // One that is frozen does nothing, and when it wakes up it is told before it writes.
          const busy = machines.filter(({ frozen }, i) => atWork[i] && !frozen);
          expect(busy.length).toBeLessThanOrEqual(1);
        };
        const pass = async (ms: number) => {
          for (let passed = 0; passed < ms; passed += 250) {
            await time.advance(250);
            check();
          }
        };
        for (const { who, frozen, way, ms } of steps) {
          machines[who]!.frozen = frozen;
          Object.assign(ways[who]!, way);
          // What fell due while it slept runs first.
          await settle();
          await pass(ms);
        }
        for (const machine of machines) machine.frozen = false;
        for (const way of ways) Object.assign(way, { loses: 'nothing', thereMs: 5, backMs: 5 });
        await settle();
        await pass(80_000);
        expect(electors.filter(({ leading }) => leading)).toHaveLength(1);
        const ends = electors.map((elector) => elector.stop());
        await time.advance(60_000);
        await Promise.all(ends);
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
