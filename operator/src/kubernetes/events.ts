import { hash } from 'node:crypto';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { Log } from '@scrutin/shared/log.ts';
import type { ElectionEvent } from '../reconcile/step-recorder.ts';
import { type Clock, systemClock } from './clock.ts';
import type { RawElection } from './election-informer.ts';
import { FIELD_MANAGER, GROUP, KIND, VERSION } from './election-names.ts';
import { messageOf } from './kube-error.ts';

export interface EventRecorderOptions {
  /** Stores an Event, or the next count of one. */
  write: (event: CoreV1Event) => Promise<void>;
  /** Of this process, for the Event's source. */
  identity: string;
  log: Log;
  clock?: Clock;
}

/** Events of an Election that are written at once, and the time after which another one is. */
const BURST = 25;
const REFILL_MS = 60_000;
/** Events that are remembered to be counted rather than told again. */
const REMEMBERED = 2_000;
/** The API server refuses longer ones. */
const MOST_CHARACTERS = 1_024;

interface Remembered {
  count: number;
  first: Date;
}

/**
 * Tells what happens to an Election as Events. The same thing again is one Event with a count; an Election that changes
 * to and fro without end is told less and less (P6). An Event that can't be written is logged, and nothing waits for it.
 */
export class EventRecorder {
  readonly #options: Required<EventRecorderOptions>;
  /** In the order of last use. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #budgets = new Map<string, { left: number; at: number }>();
  readonly #writing = new Set<Promise<void>>();

  constructor(options: EventRecorderOptions) {
    this.#options = { clock: systemClock, ...options };
  }

  /** Returns at once. */
  record(election: RawElection, { type, reason, message }: ElectionEvent): void {
    const { clock, write, log, identity } = this.#options;
    const { name, namespace, uid, resourceVersion } = election.metadata;
    log[type === 'Warning' ? 'warn' : 'info']({ election: `${namespace}/${name}`, reason }, message);
    if (!this.#spend(uid)) return;
    const id = hash('sha256', JSON.stringify([uid, type, reason, message]), 'hex').slice(0, 16);
    const now = new Date(clock.now());
    const known = this.#remember(id, now);
    const event: CoreV1Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${id}`, namespace },
      involvedObject: {
        apiVersion: `${GROUP}/${VERSION}`,
        kind: KIND,
        name,
        namespace,
        uid,
        resourceVersion,
      },
      type,
      reason,
      message: message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS - 1)}…` : message,
      firstTimestamp: known.first,
      lastTimestamp: now,
      count: known.count,
      source: { component: FIELD_MANAGER },
      reportingComponent: `${GROUP}/${FIELD_MANAGER}`,
      reportingInstance: identity,
    };
    const writing = write(event)
      .catch((error) => log.warn({ reason }, `an Event could not be written: ${messageOf(error)}`))
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Resolves when all that was recorded is written, or has failed to be. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #remember(id: string, now: Date): Remembered {
    const known = this.#remembered.get(id) ?? { count: 0, first: now };
    known.count++;
    this.#remembered.delete(id);
    this.#remembered.set(id, known);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED) this.#remembered.delete(oldest!);
    return known;
  }

  #spend(uid: string): boolean {
    const now = this.#options.clock.monotonic();
    const budget = this.#budgets.get(uid) ?? { left: BURST, at: now };
    const refill = Math.floor((now - budget.at) / REFILL_MS);
    budget.left = Math.min(BURST, budget.left + refill);
    budget.at += refill * REFILL_MS;
    const allowed = budget.left > 0;
    if (allowed) budget.left--;
    this.#budgets.set(uid, budget);
    return allowed;
  }

  forget(uid: string): void {
    this.#budgets.delete(uid);
  }
}
