import { pause } from '@scrutin/shared/retry.ts';
import pc from 'picocolors';
import { z } from 'zod';
import { number, percent, table } from './table.ts';
import type { Tally } from './tally.ts';

const resultsSchema = z.object({
  eligible: z.number(),
  laws: z.array(
    z.object({
      law_id: z.string(),
      oui_count: z.number(),
      non_count: z.number(),
      total_votes: z.number(),
    }),
  ),
});
export type Results = z.infer<typeof resultsSchema>;

/** The results as the results stage publishes them, or undefined while they are under embargo. */
export async function fetchResults(resultsUrl: string): Promise<Results | undefined> {
  const response = await fetch(new URL('/api/v1/results', resultsUrl), {
    signal: AbortSignal.timeout(10_000),
  });
  const body: unknown = await response.json();
  if (response.status === 403) return undefined;
  if (!response.ok) throw new Error(`results answers ${response.status}: ${JSON.stringify(body)}`);
  return resultsSchema.parse(body);
}

/** A table of the laws: counts, percentages, turnout. */
export function resultsTable({ eligible, laws }: Results): string {
  const rows = laws.map(({ law_id, oui_count, non_count, total_votes }) => [
    pc.bold(law_id),
    number(oui_count),
    percent(oui_count, total_votes),
    number(non_count),
    percent(non_count, total_votes),
    number(total_votes),
    percent(total_votes, eligible),
  ]);
  const header = ['law', 'oui', 'oui %', 'non', 'non %', 'votes', 'turnout'];
  return `${table(header, rows, header.slice(1))}\n  ${pc.dim(`${number(eligible)} people may vote`)}`;
}

/**
 * Waits until the results stage shows the tally's counts (it reads them about once a second), for ten
 * seconds at the most. Under embargo there is nothing to compare.
 */
export async function untilPublished(
  resultsUrl: string,
  tally: Tally,
  limitMs = 10_000,
): Promise<{ text: string; ok: boolean }> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const results = await fetchResults(resultsUrl);
    if (!results) return { text: 'results keep the embargo until the election closes', ok: true };
    const same = results.laws.every(({ law_id, oui_count, non_count }) => {
      const law = tally.laws[law_id] ?? { oui: 0, non: 0 };
      return law.oui === oui_count && law.non === non_count;
    });
    if (same) return { text: 'results show what was counted', ok: true };
    if (Date.now() > deadline) return { text: 'results don’t show what was counted', ok: false };
    await pause(100);
  }
}
