import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, NONE_EXPECTED, query } from '../panels.ts';
import { meanOf, ofStages, perSecond, rateBy } from '../promql.ts';
import { quantiles } from '../red.ts';

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
    graph({
      title: 'Retries and rejects',
      description:
        'Batches tried again because a server did not answer, and what could not be read and went to review.',
      unit: unit.OpsPerSecond,
      queries: [
        query('batches tried again', `sum(${perSecond(ofStages('scrutin_aggregation_retries_total'))})`),
        query('sent to review', `sum(${perSecond(ofStages('scrutin_aggregation_rejected_total'))})`),
      ],
      steps: NONE_EXPECTED,
    }),
    graph({
      title: 'Time of a batch',
      description: 'From taking a batch to its acknowledgement.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_aggregation_batch_seconds'),
    }),
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
