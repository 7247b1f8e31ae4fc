import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query, worseAbove } from '../panels.ts';
import { ofStages } from '../promql.ts';
import { failures, quantiles, requestRate } from '../red.ts';

export const results: Row = {
  title: 'Results',
  panels: [
    requestRate('results'),
    failures('results'),
    graph({
      title: 'Time of a request',
      description: 'From a request’s headers to the end of its answer.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_http_request_seconds', 'stage="results"'),
    }),
    graph({
      title: 'Age of the counts',
      description: 'Since the counts were last read from PostgreSQL. Readers see nothing newer.',
      unit: unit.Seconds,
      queries: [query('{{instance}}', ofStages('scrutin_results_snapshot_age_seconds'))],
      steps: worseAbove(10, 60),
    }),
    graph({
      title: 'Time of reading the counts',
      description: 'Election and counts, from PostgreSQL.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_results_snapshot_read_seconds'),
    }),
    graph({
      title: 'Look-ups that wait',
      description: 'Ballots whose status is being looked up.',
      unit: unit.Short,
      queries: [query('{{instance}}', ofStages('scrutin_results_waiting_lookups'))],
    }),
  ],
};
