import * as unit from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { graph, number, ONE_EXPECTED, query, worseAbove } from './panels.ts';
import { aggregation } from './pipeline/aggregation.ts';
import { ingestion } from './pipeline/ingestion.ts';
import { results } from './pipeline/results.ts';
import { scaling } from './pipeline/scaling.ts';
import { validation } from './pipeline/validation.ts';
import { OLDEST_VOTE, ofStages, perSecond, ready, UNACKNOWLEDGED } from './promql.ts';
import { quantiles } from './red.ts';

const overview = {
  title: 'Flow',
  panels: [
    number({
      title: 'Processes',
      description: 'Of each stage, as far as Prometheus reaches them.',
      unit: unit.Short,
      width: 8,
      show: 'value and name',
      queries: [query('{{stage}}', `count by (stage) (${ofStages('scrutin_build_info')})`)],
      steps: ONE_EXPECTED,
    }),
    number({
      title: 'Ready messages',
      description: 'What waits in the queues. A message may hold many votes.',
      unit: unit.Short,
      width: 8,
      show: 'value and name',
      queries: [query('{{queue}}', ready())],
    }),
    number({
      title: 'Oldest vote',
      description: 'By the queue that it waits in.',
      unit: unit.Seconds,
      decimals: 1,
      width: 8,
      show: 'value and name',
      queries: [query('{{queue}}', OLDEST_VOTE)],
      steps: worseAbove(10, 60),
    }),
    graph({
      title: 'Votes a second through the stages',
      description: 'The lines lie on each other when nothing piles up.',
      unit: unit.CountsPerSecond,
      queries: [
        query('accepted by ingestion', `sum(${perSecond(ofStages('scrutin_votes_accepted_total'))})`),
        query('decided by validation', `sum(${perSecond(ofStages('scrutin_votes_decided_total'))})`),
        query('recorded by aggregation', `sum(${perSecond(ofStages('scrutin_votes_counted_total'))})`),
      ],
      width: 12,
    }),
    graph({
      title: 'Age of votes when counted',
      description: 'From arrival to commit, over all stages.',
      unit: unit.Seconds,
      queries: quantiles('scrutin_vote_age_at_commit_seconds'),
      steps: worseAbove(10, 60),
      width: 12,
    }),
  ],
};

const queues = {
  title: 'Queues',
  panels: [
    graph({
      title: 'Ready',
      description: 'Messages that wait in the broker for a consumer.',
      unit: unit.Short,
      queries: [query('{{queue}}', ready())],
      width: 6,
    }),
    graph({
      title: 'Unacknowledged',
      description: 'Messages that the consumers have taken and not finished.',
      unit: unit.Short,
      queries: [query('{{queue}}', UNACKNOWLEDGED)],
      width: 6,
    }),
    graph({
      title: 'Growth of the backlog',
      signed: true,
      description: 'Messages a second by which the ready ones grow; below zero the backlog shrinks.',
      unit: unit.MessagesPerSecond,
      queries: [
        query(
          '{{queue}}',
          `max by (queue) (deriv(${ofStages('scrutin_queue_messages', 'state="ready"')}[$__rate_interval]))`,
        ),
      ],
      width: 6,
    }),
    graph({
      title: 'Consumers',
      description: 'As the broker counts them. None: nobody takes the votes.',
      unit: unit.Short,
      queries: [
        query(
          '{{queue}}',
          `max by (queue) (${ofStages('scrutin_queue_consumers', 'queue!="review_queue"')})`,
        ),
      ],
      legendCalcs: ['lastNotNull', 'min'],
      width: 6,
    }),
  ],
};

const processes = {
  title: 'Processes',
  panels: [
    graph({
      title: 'Servers reached',
      description: 'Whether a stage can use its servers: 1, or 0 if at least one of its processes can’t.',
      unit: unit.Short,
      max: 1,
      queries: [
        query('{{stage}}: {{server}}', `min by (stage, server) (${ofStages('scrutin_connection_up')})`),
      ],
      legendCalcs: ['min', 'lastNotNull'],
      width: 6,
    }),
    graph({
      title: 'Processor',
      description: 'Share of one core. A Node process has little use for more than one.',
      unit: unit.PercentUnit,
      queries: [query('{{stage}} {{instance}}', `${perSecond(ofStages('process_cpu_seconds_total'))}`)],
      width: 6,
      steps: worseAbove(0.8, 0.95),
    }),
    graph({
      title: 'Memory',
      description: 'Resident memory.',
      unit: unit.BytesIEC,
      queries: [query('{{stage}} {{instance}}', ofStages('process_resident_memory_bytes'))],
      width: 6,
    }),
    graph({
      title: 'Event-loop lag, p99',
      description: 'How long work waits for its process.',
      unit: unit.Seconds,
      queries: [query('{{stage}} {{instance}}', ofStages('nodejs_eventloop_lag_p99_seconds'))],
      width: 6,
      steps: worseAbove(0.1, 0.5),
    }),
  ],
};

export const pipeline = dashboard({
  uid: 'scrutin-pipeline',
  title: 'Scrutin / Pipeline',
  description:
    'Rate, errors and duration of each stage, the queues between them, and how many workers there are and why.',
  elections: 'several',
  rows: [overview, queues, ingestion, validation, scaling, aggregation, results, processes],
});
