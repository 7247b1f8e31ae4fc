/** Pause before attempt `attempt` (1, 2, …): doubled from `first` up to `most` milliseconds, with full jitter. */
export function backoff(attempt: number, first = 50, most = 5_000): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(30, attempt - 1));
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Resolves when `work` is settled, either way, or after `ms` milliseconds. Never rejects. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const settled = new AbortController();
  const done = work.catch(() => {}).finally(() => settled.abort());
  await Promise.race([done, pause(ms, settled.signal)]);
}

export interface RetryOptions {
  signal?: AbortSignal;
  /** Gives up (rethrows) when this says no. By default every error is tried again. */
  retryable?: (error: unknown) => boolean;
  /** Called before each pause; `attempt` counts from 1. */
  onRetry?: (error: unknown, attempt: number) => void;
  /** Attempts at the most; without it, until it succeeds or `signal` is aborted. */
  attempts?: number;
  firstPauseMs?: number;
  mostPauseMs?: number;
}

/** Runs `work` until it succeeds. Rethrows its last error when it may not go on. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const last = attempt >= (options.attempts ?? Number.POSITIVE_INFINITY) || options.signal?.aborted;
      if (last || options.retryable?.(error) === false) throw error;
      options.onRetry?.(error, attempt);
      await pause(backoff(attempt, options.firstPauseMs, options.mostPauseMs), options.signal);
    }
  }
}
