import { timestamp } from '@scrutin/shared/timestamp.ts';
import type { Condition, ConditionType } from '../election-resource.ts';

/** A step of the reconciliation that could not be done. `reason` is for programs, the message for people. */
export class StepError extends Error {
  override name = 'StepError';
  readonly reason: string;
  /** True if only a person can mend it: another try is not worth hurrying for. */
  readonly lasting: boolean;

  constructor(reason: string, message: string, options: { lasting?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.lasting = options.lasting ?? false;
  }
}

/** What the API server takes as a condition's message (metav1.Condition); with a longer one it refuses the whole status. */
const MOST_CHARACTERS = 32_768;

/** A message as a condition can hold it: cut if it is too long. */
export const cutMessage = (message: string): string =>
  message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS - 1)}…` : message;

/** The conditions of one reconciliation, beginning with those of the last one. */
export class Conditions {
  readonly #conditions: Map<ConditionType, Condition>;
  readonly #now: () => number;
  readonly #generation: number | undefined;

  constructor(previous: readonly Condition[], now: () => number, generation: number | undefined) {
    this.#conditions = new Map(previous.map((condition) => [condition.type, condition]));
    this.#now = now;
    this.#generation = generation;
  }

  /** Sets a condition. lastTransitionTime stays unless the status changes; a message that is too long is cut. */
  set(type: ConditionType, status: Condition['status'], reason: string, message: string): void {
    const before = this.#conditions.get(type);
    this.#conditions.set(type, {
      type,
      status,
      reason,
      message: cutMessage(message),
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : timestamp(this.#now()),
      ...(this.#generation !== undefined && { observedGeneration: this.#generation }),
    });
  }

  get(type: ConditionType): Condition | undefined {
    return this.#conditions.get(type);
  }

  isTrue(type: ConditionType): boolean {
    return this.get(type)?.status === 'True';
  }

  /** In the order in which they were first set. */
  list(): Condition[] {
    return [...this.#conditions.values()];
  }
}
