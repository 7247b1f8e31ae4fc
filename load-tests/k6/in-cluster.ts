/**
 * The same script for a Job: what a pod can't leave in a file, since it may not open its own output anew, goes at the end of its
 * log, in the form that `--summary-export` has.
 */
export * from './main.ts';

interface Summary {
  metrics: Record<string, { values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>;
}

export function handleSummary({ metrics }: Summary): Record<string, string> {
  const lines: string[] = [];
  const exported: Record<string, object> = {};
  for (const [name, { values, thresholds = {} }] of Object.entries(metrics)) {
    const figures = Object.entries(values).map(
      ([figure, value]) => `${figure}=${Math.round(100 * value) / 100}`,
    );
    lines.push(`  ${name}: ${figures.join(' ')}`);
    const crossed = Object.entries(thresholds).map(([expression, { ok }]) => [expression, !ok]);
    exported[name] = { ...values, thresholds: Object.fromEntries(crossed) };
  }
  return { stdout: `${lines.sort().join('\n')}\n${JSON.stringify({ metrics: exported })}\n` };
}
