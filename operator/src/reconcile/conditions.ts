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

  /** Sets a condition. lastTransitionTime stays unless the status changes. */
  set(type: ConditionType, status: Condition['status'], reason: string, message: string): void {
    const before = this.#conditions.get(type);
    this.#conditions.set(type, {
      type,
      status,
      reason,
      message,
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
