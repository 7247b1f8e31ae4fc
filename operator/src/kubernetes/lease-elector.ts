import type { Log } from '@scrutin/shared/log.ts';
import { type Clock, pauseOn, systemClock, within } from './clock.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';

export interface LeaseElectorOptions {
  store: LeaseStore;
  /** Tells this process from every other candidate. */
  identity: string;
  /** A lease that its holder has not renewed for so long may be taken. Milliseconds; whole seconds. */
  leaseDurationMs?: number;
  /** A leader that could not renew for so long stops leading; well before others may take the lease. Milliseconds. */
  renewDeadlineMs?: number;
  /** Pause between two looks at the lease, and two renewals. Milliseconds. */
  retryPeriodMs?: number;
  clock?: Clock;
  log: Log;
  /**
   * Called when this process begins to lead; `signal` is aborted when it doesn't any more, and the promise resolves
   * once everything has stopped. Only then does the process stand for election again.
   */
  lead: (signal: AbortSignal) => Promise<void>;
}

/**
 * Has one of many processes lead, by a Lease, as client-go's leaderelection does it. Other machines' clocks are never
 * compared with this one's: a lease has run out when this process has seen no change of it for the lease's duration.
 */
export class LeaseElector {
  readonly #options: Required<LeaseElectorOptions>;
  readonly #stopping = new AbortController();
  /** The lease as last seen, and when that state was seen first (monotonic milliseconds). */
  #observed: { lease: StoredLease; at: number } | undefined;
  /** When the renewal that succeeded last was sent (monotonic milliseconds). */
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** When the API server last answered (monotonic milliseconds). */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #leading = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseElectorOptions) {
    this.#options = {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      clock: systemClock,
      ...options,
    };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (
      leaseDurationMs % 1000 !== 0 ||
      renewDeadlineMs >= leaseDurationMs ||
      retryPeriodMs >= renewDeadlineMs
    )
      throw new RangeError(
        'a lease lasts whole seconds, longer than its renewal may take, and that longer than a retry’s pause',
      );
  }

  /**
   * True while this process leads. Asked before each write: a process that was frozen past its lease must not write
   * when it wakes up, whether or not its timers have run.
   */
  get leading(): boolean {
    return this.#leading && this.#timeLeft() > 0;
  }

  /** Who holds the lease, as last seen; empty if nobody does. */
  get holder(): string {
    return this.#observed?.lease.record.holder ?? '';
  }

  /** True if the lease could be looked at within its duration: the API server answers. */
  get inTouch(): boolean {
    return this.#options.clock.monotonic() - this.#answeredAt < this.#options.leaseDurationMs;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops leading, waits until `lead` has ended, and gives the lease back so that another need not wait. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, retryPeriodMs, log, identity, lead } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // An answer that took longer than a renewal may is too old to lead on.
      if (!(await this.#tryToHold()) || this.#timeLeft() <= 0) {
        // Candidates that were started together don't all ask at the same moment.
        await pauseOn(clock, retryPeriodMs * (1 + Math.random() * 0.2), signal);
        continue;
      }
      log.info({ identity }, 'this process leads');
      const term = new AbortController();
      this.#leading = true;
      const led = lead(term.signal).catch((error) => log.error({ err: error }, 'leading failed'));
      const why = await this.#renewUntilLost();
      this.#leading = false;
      term.abort(new Error(why));
      log[signal.aborted ? 'info' : 'warn']({ identity }, `this process leads no more: ${why}`);
      await led;
      if (signal.aborted) await this.#release();
    }
  }

  /** Resolves with the reason when this process is stopped, or could not renew in time. */
  async #renewUntilLost(): Promise<string> {
    const { clock, retryPeriodMs, renewDeadlineMs } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      await pauseOn(clock, Math.max(0, Math.min(retryPeriodMs, this.#timeLeft())), signal);
      if (signal.aborted) return 'it was told to stop';
      const left = this.#timeLeft();
      const renewed = left > 0 && (await within(clock, left, this.#tryToHold()));
      if (renewed) continue;
      const holder = this.#observed?.lease.record.holder;
      if (holder && holder !== this.#options.identity) return `${holder} holds the lease`;
      if (this.#timeLeft() <= 0) return `the lease could not be renewed for ${renewDeadlineMs / 1000} s`;
    }
  }

  /** Milliseconds in which the lease must be renewed, or this process leads no more. */
  #timeLeft(): number {
    return this.#renewedAt + this.#options.renewDeadlineMs - this.#options.clock.monotonic();
  }

  /** Takes the lease, or renews it. False if another holds it or it can't be had now. */
  async #tryToHold(): Promise<boolean> {
    const { store, clock, identity, leaseDurationMs, log } = this.#options;
    const sentAt = clock.monotonic();
    try {
      // What this process wrote last is as a rule what stands there: one request instead of two.
      const seen = this.#leading ? this.#observed?.lease : undefined;
      const lease = seen ?? (await this.#look());
      if (!seen) this.#answeredAt = clock.monotonic();
      if (lease && this.#heldByAnother(lease.record)) return false;
      const held = lease?.record.holder === identity;
      const now = new Date(clock.now());
      const record: LeaseRecord = {
        holder: identity,
        durationSeconds: leaseDurationMs / 1000,
        acquiredAt: held ? lease.record.acquiredAt : now,
        renewedAt: now,
        transitions: (lease?.record.transitions ?? 0) + (held || !lease ? 0 : 1),
      };
      const stored = lease ? await store.replace(lease, record) : await store.create(record);
      this.#answeredAt = clock.monotonic();
      if (!stored) {
        // Somebody else was quicker; whoever it was is seen at the next look.
        await this.#look();
        return false;
      }
      this.#observed = { lease: stored, at: clock.monotonic() };
      this.#renewedAt = sentAt;
      return true;
    } catch (error) {
      log.warn({ err: error }, 'the lease can’t be had now');
      return false;
    }
  }

  async #look(): Promise<StoredLease | undefined> {
    const lease = await this.#options.store.read();
    const version = this.#observed?.lease.version;
    if (!lease) this.#observed = undefined;
    else if (lease.version !== version) this.#observed = { lease, at: this.#options.clock.monotonic() };
    return lease;
  }

  #heldByAnother({ holder, durationSeconds }: LeaseRecord): boolean {
    if (holder === '' || holder === this.#options.identity) return false;
    const seenFor = this.#options.clock.monotonic() - (this.#observed?.at ?? Number.POSITIVE_INFINITY);
    return seenFor < durationSeconds * 1000;
  }

  async #release(): Promise<void> {
    const { store, clock, identity, log } = this.#options;
    try {
      const lease = await store.read();
      if (lease?.record.holder !== identity) return;
      const now = new Date(clock.now());
      await store.replace(lease, { ...lease.record, holder: '', durationSeconds: 1, renewedAt: now });
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be given back; it runs out');
    }
  }
}
