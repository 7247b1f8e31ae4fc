import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoff, pause, retry, settledWithin } from './retry.ts';

describe('a pause before another try', () => {
  it('doubles up to its limit, and is never all the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 500 }), (attempt, first) => {
        const most = 5_000;
        const ceiling = Math.min(most, first * 2 ** Math.min(30, attempt - 1));
        const ms = backoff(attempt, first, most);
        expect(ms).toBeGreaterThanOrEqual(ceiling / 2);
        expect(ms).toBeLessThanOrEqual(ceiling);
      }),
    );
    expect(new Set(Array.from({ length: 20 }, () => backoff(5))).size).toBeGreaterThan(10);
  });

  it('ends at once when it is aborted, before or meanwhile', async () => {
    const start = performance.now();
    await pause(10_000, AbortSignal.abort());
    const later = new AbortController();
    setTimeout(() => later.abort(), 20);
    await pause(10_000, later.signal);
    expect(performance.now() - start).toBeLessThan(4_500);
  });
});

describe('trying again', () => {
  it('goes on until it succeeds, and tells each failure', async () => {
    const failures: number[] = [];
    const value = await retry(
      async () => {
        if (failures.length < 3) throw new Error('not yet');
        return 'done';
      },
      { firstPauseMs: 1, onRetry: (_error, attempt) => failures.push(attempt) },
    );
    expect(value).toBe('done');
    expect(failures).toEqual([1, 2, 3]);
  });

  it('gives up after so many attempts, on an error that no try helps, or when it is aborted', async () => {
    let attempts = 0;
    const fail = async () => {
      attempts++;
      throw new Error(`failure ${attempts}`);
    };
    await expect(retry(fail, { attempts: 3, firstPauseMs: 1 })).rejects.toThrow('failure 3');
    await expect(retry(fail, { retryable: () => false })).rejects.toThrow('failure 4');
    const stopping = new AbortController();
    const stopped = retry(fail, { signal: stopping.signal, firstPauseMs: 10_000 });
    setTimeout(() => stopping.abort(), 20);
    await expect(stopped).rejects.toThrow('failure 6');
  });
});

describe('waiting with a limit', () => {
  it('ends with the work, however that ends, or with the limit', async () => {
    const start = performance.now();
    await settledWithin(Promise.resolve(1), 10_000);
    await settledWithin(Promise.reject(new Error('no')), 10_000);
    await settledWithin(new Promise(() => {}), 50);
    expect(performance.now() - start).toBeLessThan(4_500);
  });
});
