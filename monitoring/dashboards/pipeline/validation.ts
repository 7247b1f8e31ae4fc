import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query } from '../panels.ts';
import { meanOf, ofStages, rateBy } from '../promql.ts';
import { quantiles } from '../red.ts';
import { batches } from './batches.ts';

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
    ...batches('validation'),
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
