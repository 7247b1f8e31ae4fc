/**
 * Makes `run` do nothing once `seconds` have passed since now, and count itself before. fast-check's own limit
 * leaves a run behind that goes on beside whatever comes next.
 */
export function whileTimeLasts<T extends unknown[]>(
  seconds: number,
  run: (...values: T) => Promise<unknown>,
): { run: (...values: T) => Promise<void>; readonly runs: number } {
  const end = performance.now() + seconds * 1_000;
  const limited = {
    runs: 0,
    run: async (...values: T): Promise<void> => {
      if (performance.now() > end) return;
      limited.runs++;
      await run(...values);
    },
  };
  return limited;
}
