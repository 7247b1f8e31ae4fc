import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query } from '../panels.ts';
import { meanOf, ofStages, rateBy } from '../promql.ts';
import { quantiles } from '../red.ts';
import { batches } from './batches.ts';

export const aggregation: Row = {
  title: 'Aggregation',
  panels: [
    graph({
      title: 'Recorded',
      description: 'Votes a second by outcome, each after the commit.',
      unit: unit.CountsPerSecond,
      stacked: true,
      queries: [query('{{outcome}}', rateBy('outcome', ofStages('scrutin_votes_counted_total')))],
    }),
    ...batches('aggregation'),
    graph({
      title: 'Time of the tally in PostgreSQL',
      description: 'The transactions of one batch.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_postgres_tally_seconds'),
    }),
    graph({
      title: 'Votes a batch',
      description: 'On average.',
      unit: unit.Short,
      queries: [query('votes', meanOf('scrutin_aggregation_batch_votes', ofStages))],
    }),
    graph({
      title: 'Pool of connections',
      description: 'Connections to PostgreSQL, and callers that wait for one.',
      unit: unit.Short,
      queries: [
        query(
          '{{state}}',
          `sum by (state) (${ofStages('scrutin_postgres_pool_connections', 'stage="aggregation"')})`,
        ),
        query(
          'callers that wait',
          `sum(${ofStages('scrutin_postgres_pool_waiting', 'stage="aggregation"')})`,
        ),
      ],
    }),
  ],
};
