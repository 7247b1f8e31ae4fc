import * as unit from '@grafana/grafana-foundation-sdk/units';
import { graph, NONE_EXPECTED, query } from '../panels.ts';
import { ofStages, perSecond } from '../promql.ts';
import { quantiles } from '../red.ts';

/** What a stage that takes batches off a queue tells of them. */
export const batches = (stage: 'validation' | 'aggregation') => [
  graph({
    title: 'Retries and rejects',
    description:
      'Batches tried again because a server did not answer, and what could not be read and went to review.',
    unit: unit.OpsPerSecond,
    queries: [
      query('batches tried again', `sum(${perSecond(ofStages(`scrutin_${stage}_retries_total`))})`),
      query('sent to review', `sum(${perSecond(ofStages(`scrutin_${stage}_rejected_total`))})`),
    ],
    steps: NONE_EXPECTED,
  }),
  graph({
    title: 'Time of a batch',
    description: 'From taking a batch to its acknowledgement.',
    unit: unit.Seconds,
    queries: quantiles(`scrutin_${stage}_batch_seconds`),
  }),
];
