import type { ElectionStatus } from '../election-resource.ts';
import type { Clock } from './clock.ts';
import type { ElectorateCount } from './election-ports.ts';

export interface ProgressReportOptions {
  clock: Clock;
  /** How far a load has come; undefined if none goes on. */
  read: () => Promise<ElectorateCount | undefined>;
  write: (count: ElectorateCount) => Promise<void>;
}

/** Between two reports. Milliseconds. */
const EVERY_MS = 1_000;

/** Reports how a load goes on, whoever loads, every second until it is stopped. A report that fails is left out. */
export class ProgressReport {
  readonly #options: ProgressReportOptions;
  #cancel = () => {};
  #reporting: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ProgressReportOptions) {
    this.#options = options;
    this.#later();
  }

  /** Resolves when no report is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#reporting;
  }

  #later(): void {
    this.#cancel = this.#options.clock.after(EVERY_MS, () => {
      this.#reporting = this.#report().finally(() => {
        if (!this.#stopped) this.#later();
      });
    });
  }

  async #report(): Promise<void> {
    try {
      const count = await this.#options.read();
      if (count && !this.#stopped) await this.#options.write(count);
    } catch {
      // The reconciliation itself meets whatever is wrong, and says so.
    }
  }
}

/** The status with how far a load has come; undefined if there is nothing worth a word. */
export function withProgress(
  before: Partial<ElectionStatus> | undefined,
  count: ElectorateCount,
): ElectionStatus | undefined {
  // A load that has yet to begin is worth a word only where nothing has been said.
  if (count.processed === 0 && before?.phase !== undefined) return undefined;
  const { conditions = [], phase = 'Preparing', ...rest } = before ?? {};
  return {
    ...rest,
    phase: phase === 'Pending' || phase === 'Failed' ? 'Preparing' : phase,
    conditions,
    electorate: { ...rest.electorate, ...count },
  };
}
