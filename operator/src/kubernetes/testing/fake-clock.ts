import type { Clock } from '../clock.ts';

/** A clock that stands still until a test moves it on. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #timers: { at: number; callback: () => void }[] = [];
  /** What this machine's calendar is ahead of the others', milliseconds. */
  skew = 0;

  monotonic(): number {
    return this.#elapsed;
  }

  now(): number {
    return Date.UTC(2027, 0, 1) + this.#elapsed + this.skew;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Moves on by `ms` milliseconds; what falls due runs in order, with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      await settle();
      const next = this.#timers.reduce<{ at: number; callback: () => void } | undefined>(
        (least, timer) => (timer.at <= end && (!least || timer.at < least.at) ? timer : least),
        undefined,
      );
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
    }
    this.#elapsed = end;
    await settle();
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
