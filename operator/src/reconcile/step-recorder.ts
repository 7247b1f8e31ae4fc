import type { Condition, ConditionType } from '../election-resource.ts';
import { Conditions, cutMessage, StepError } from './conditions.ts';

export interface ElectionEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface StepRecorderOptions {
  /** As the last reconciliation left them. */
  previous: readonly Condition[];
  /** Milliseconds since the epoch. */
  now: () => number;
  generation: number | undefined;
}

/** Runs the steps of one reconciliation, and writes down what becomes of each: its condition, and Events for people. */
export class StepRecorder {
  readonly conditions: Conditions;
  /** What a person may want to know of, in order. */
  readonly events: ElectionEvent[] = [];
  /**
   * Those of them that tell what was done. Another reconciliation finds it done, and has nothing to tell: what was cut off
   * leaves it to nobody else.
   */
  readonly deeds: ElectionEvent[] = [];
  readonly #previous: readonly Condition[];

  constructor({ previous, now, generation }: StepRecorderOptions) {
    this.#previous = previous;
    this.conditions = new Conditions(previous, now, generation);
  }

  /** A step whose condition is true, with the resulting sentence, once it is done. Throws {@link StepError}. */
  async step(type: ConditionType, reason: string, work: () => Promise<string>): Promise<void> {
    this.conditions.set(type, 'True', 'Done', await this.attempt(type, reason, work));
  }

  /**
   * Does what may fail; then its condition is false, and tells why, and a person is told once. Throws {@link StepError},
   * with `reason` unless the work gives one of its own.
   */
  async attempt<T>(type: ConditionType, reason: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure =
        error instanceof StepError
          ? error
          : new StepError(reason, (error as Error).message, { cause: error });
      const before = this.before(type);
      const known = before?.status === 'False' && before.message === cutMessage(failure.message);
      // A load that was stopped was stopped by us.
      if (!known && failure.reason !== 'Interrupted') this.tell('Warning', failure.reason, failure.message);
      this.conditions.set(type, 'False', failure.reason, failure.message);
      throw failure;
    }
  }

  /** The condition as the last reconciliation left it. */
  before(type: ConditionType): Condition | undefined {
    return this.#previous.find((condition) => condition.type === type);
  }

  /** What was found, which is found again next time unless the status says it by then. */
  tell(type: ElectionEvent['type'], reason: string, message: string): void {
    this.events.push({ type, reason, message });
  }

  /** What was done. */
  tellDone(type: ElectionEvent['type'], reason: string, message: string): void {
    const event: ElectionEvent = { type, reason, message };
    this.events.push(event);
    this.deeds.push(event);
  }
}
