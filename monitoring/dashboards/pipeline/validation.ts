import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, NONE_EXPECTED, query } from '../panels.ts';
import { meanOf, ofStages, perSecond, rateBy } from '../promql.ts';
import { quantiles } from '../red.ts';

export const validation: Row = {
  title: 'Validation',
  panels: [
    graph({
      title: 'Decided',
      description: 'Votes a second by outcome.',
      unit: unit.CountsPerSecond,
      stacked: true,
      queries: [query('{{outcome}}', rateBy('outcome', ofStages('scrutin_votes_decided_total')))],
    }),
    graph({
      title: 'Retries and rejects',
      description:
        'Batches tried again because a server did not answer, and what could not be read and went to review.',
      unit: unit.OpsPerSecond,
      queries: [
        query('batches tried again', `sum(${perSecond(ofStages('scrutin_validation_retries_total'))})`),
        query('sent to review', `sum(${perSecond(ofStages('scrutin_validation_rejected_total'))})`),
      ],
      steps: NONE_EXPECTED,
    }),
    graph({
      title: 'Time of a batch',
      description: 'From taking a batch to its acknowledgement.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_validation_batch_seconds'),
    }),
    graph({
      title: 'Time of the decision in Redis',
      description: 'Script calls of one batch.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_redis_decide_seconds'),
    }),
    graph({
      title: 'Votes a batch',
      description: 'On average. Small batches at a high load mean that something else is the limit.',
      unit: unit.Short,
      queries: [query('votes', meanOf('scrutin_validation_batch_votes', ofStages))],
    }),
    graph({
      title: 'Votes a second of each worker',
      description: 'An idle worker beside busy ones has lost its connection.',
      unit: unit.CountsPerSecond,
      queries: [query('{{instance}}', rateBy('instance', ofStages('scrutin_votes_decided_total')))],
    }),
  ],
};
