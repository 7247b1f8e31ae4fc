import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query, worseAbove } from '../panels.ts';
import { meanOf, ofStages, rateBy } from '../promql.ts';
import { failures, quantiles, requestRate } from '../red.ts';

export const ingestion: Row = {
  title: 'Ingestion',
  panels: [
    requestRate('ingestion'),
    failures('ingestion'),
    graph({
      title: 'Time to a 202',
      description: 'From a request’s body to its answer. The objective: 99.9 % within 250 ms.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_ingestion_accept_seconds'),
      steps: worseAbove(0.25, 1),
    }),
    graph({
      title: 'Refused',
      description:
        'By the problem’s code. broker-unavailable and overloaded are ours, the others the client’s.',
      unit: unit.CountsPerSecond,
      stacked: true,
      queries: [query('{{reason}}', rateBy('reason', ofStages('scrutin_votes_refused_total')))],
    }),
    graph({
      title: 'Time to the broker’s confirm',
      description: 'Most of the time to a 202.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_ingestion_confirm_seconds'),
    }),
    graph({
      title: 'Under way',
      description:
        'Votes whose work has not begun, votes that wait for the confirm, messages without one yet, and votes that travel in one message on average. Past its limits ingestion answers 503.',
      unit: unit.Short,
      queries: [
        query('votes not begun', `sum(${ofStages('scrutin_ingestion_waiting_votes')})`),
        query('votes that wait for the confirm', `sum(${ofStages('scrutin_ingestion_pending_votes')})`),
        query('messages without a confirm', `sum(${ofStages('scrutin_ingestion_inflight_confirms')})`),
        query('votes a message', meanOf('scrutin_ingestion_message_votes', ofStages)),
      ],
    }),
  ],
};
