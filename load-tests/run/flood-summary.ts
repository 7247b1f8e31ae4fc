/** Counters and times in the form of k6's `--summary-export`, for {@link LoadSummary}. Times in milliseconds. */
export function summaryOf(
  counts: ReadonlyMap<string, number>,
  times: ReadonlyMap<string, readonly number[]>,
  seconds: number,
): { metrics: Record<string, Record<string, unknown>> } {
  const metrics: Record<string, Record<string, unknown>> = {};
  for (const [name, count] of counts) metrics[name] = { count, rate: count / seconds };
  for (const [name, list] of times) {
    const sorted = list.toSorted((a, b) => a - b);
    // The nearest rank, https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method.
    const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
    metrics[name] = {
      min: sorted[0],
      med: at(0.5),
      'p(90)': at(0.9),
      'p(95)': at(0.95),
      'p(99)': at(0.99),
      max: sorted.at(-1),
    };
  }
  // What k6's scenario has as its threshold.
  const unexpected = counts.get('unexpected') ?? 0;
  metrics.unexpected = { count: unexpected, thresholds: { 'count==0': unexpected > 0 } };
  return { metrics };
}
