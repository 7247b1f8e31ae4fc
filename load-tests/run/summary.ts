import { readFileSync } from 'node:fs';
import type { Choice } from '@scrutin/shared/choice.ts';
import { counterName } from '../k6/plan.ts';

/** What k6 writes with `--summary-export`: a counter has `count`, a trend `p(95)` and the like. */
interface Exported {
  metrics: Record<string, Record<string, unknown> & { thresholds?: Record<string, boolean> }>;
}

/** What a run has offered and been told, as k6 counted it. */
export class LoadSummary {
  readonly #metrics: Exported['metrics'];

  constructor(exported: Exported) {
    this.#metrics = exported.metrics;
  }

  static read(path: string): LoadSummary {
    return new LoadSummary(JSON.parse(readFileSync(path, 'utf8')) as Exported);
  }

  /** A counter's end; a counter that nothing was added to is not in the file. */
  count(name: string): number {
    return Number(this.#metrics[name]?.count ?? 0);
  }

  /** A figure of a trend, in milliseconds: `p(95)`, `max`; undefined if nothing was measured. */
  trend(name: string, figure: string): number | undefined {
    const value = this.#metrics[name]?.[figure];
    return typeof value === 'number' ? value : undefined;
  }

  /** Voters by law and choice: of `accepted` each must be counted, of `unknown` each may be. */
  voters(outcome: 'accepted' | 'unknown', laws: readonly string[]): Record<string, Record<Choice, number>> {
    const of = (law: number, choice: Choice) => this.count(counterName(outcome, law, choice));
    return Object.fromEntries(laws.map((id, law) => [id, { oui: of(law, 'oui'), non: of(law, 'non') }]));
  }

  /** Thresholds that were crossed, as `metric: expression`. */
  crossed(): string[] {
    return Object.entries(this.#metrics).flatMap(([name, { thresholds }]) =>
      // k6 writes true for a threshold that was crossed.
      Object.entries(thresholds ?? {}).flatMap(([expression, crossed]) =>
        crossed ? [`${name}: ${expression}`] : [],
      ),
    );
  }
}
