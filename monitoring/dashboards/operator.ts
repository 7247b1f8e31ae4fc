import * as unit from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { graph, NONE_EXPECTED, number, ONE_EXPECTED, query, worseAbove } from './panels.ts';
import { ofElection, perSecond, quantile, rateBy } from './promql.ts';

/** What the operator's processes say of themselves: on a cluster all elections are theirs. */
const own = (metric: string, matchers = ''): string =>
  `${metric}{${['stage="operator"', matchers].filter(Boolean).join(', ')}}`;

const now = {
  title: 'Now',
  panels: [
    number({
      title: 'Replicas',
      description: 'Processes of the operator that Prometheus reaches. One leads, the others wait.',
      unit: unit.Short,
      queries: [query('replicas', `count(${own('scrutin_build_info')})`)],
      steps: ONE_EXPECTED,
    }),
    number({
      title: 'Leaders',
      description:
        'Exactly one process leads. None for longer than the lease lasts: nothing is reconciled. An operator without a cluster has no need to lead.',
      unit: unit.Short,
      queries: [query('leaders', `sum(${own('scrutin_operator_leader')})`)],
      steps: ['red', [1, 'green'], [2, 'red']],
      absent: 'no cluster',
    }),
    number({
      title: 'Elections',
      description: 'By phase.',
      unit: unit.Short,
      width: 9,
      show: 'value and name',
      queries: [query('{{phase}}', `max by (phase) (${own('scrutin_operator_elections')})`)],
    }),
    number({
      title: 'Failed elections',
      description:
        'Elections that the operator has given up until their spec or their servers change: kubectl describe election says why.',
      unit: unit.Short,
      queries: [query('failed', `max(${own('scrutin_operator_elections', 'phase="Failed"')})`)],
      steps: NONE_EXPECTED,
    }),
    number({
      title: 'Electorate drift',
      description:
        'Voters counted in Redis, minus the number that was published; the election that is furthest off. Anything but 0: voters are refused, or strangers let in.',
      unit: unit.Short,
      queries: [query('voters', `max(abs(${ofElection('scrutin_electorate_drift_voters')}))`)],
      steps: NONE_EXPECTED,
    }),
    number({
      title: 'Waiting',
      description: 'Elections that wait for a worker of the operator.',
      unit: unit.Short,
      queries: [query('elections', `sum(${own('scrutin_operator_queue_depth')})`)],
      steps: worseAbove(50, 200),
      absent: 'no cluster',
    }),
  ],
};

const reconciling = {
  title: 'Reconciling',
  panels: [
    graph({
      title: 'Reconciliations a second',
      description: 'By result: done, failed (told on the Election’s status) or error (unexpected).',
      unit: unit.OpsPerSecond,
      queries: [query('{{result}}', rateBy('result', own('scrutin_operator_reconciles_total')))],
    }),
    graph({
      title: 'Failures by reason',
      description: 'As the conditions of the Elections name them.',
      unit: unit.OpsPerSecond,
      stacked: true,
      queries: [query('{{reason}}', rateBy('reason', own('scrutin_operator_errors_total')))],
    }),
    graph({
      title: 'Duration',
      description:
        'Of one reconciliation. A load of an electorate is no part of it on a cluster, where a Job does it.',
      unit: unit.Seconds,
      queries: [0.5, 0.95, 0.99].map((q) =>
        query(`p${q * 100}`, quantile(q, own('scrutin_operator_reconcile_seconds_bucket'))),
      ),
      steps: worseAbove(30, 120),
    }),
    graph({
      title: 'Work',
      description: 'Elections that wait for a worker, and those that are worked on.',
      unit: unit.Short,
      queries: [
        query('waiting', `sum(${own('scrutin_operator_queue_depth')})`),
        query('worked on', `sum(${own('scrutin_operator_working')})`),
      ],
    }),
    graph({
      title: 'Watches that ended',
      description:
        'Closed in good order is normal, every few minutes. Gone (410) or failed in numbers means an API server in trouble.',
      unit: unit.EventsPerSecond,
      queries: [query('{{why}}', rateBy('why', own('scrutin_operator_watch_ends_total')))],
    }),
    graph({
      title: 'Leading',
      description:
        'Which process leads. Changes without a roll-out mean that a process can’t renew its lease.',
      unit: unit.Short,
      max: 1,
      queries: [query('{{instance}}', own('scrutin_operator_leader'))],
    }),
  ],
};

const elections = {
  title: 'Elections',
  panels: [
    graph({
      title: 'Phase',
      description: 'The phases that the elections are in.',
      unit: unit.Short,
      queries: [
        query(
          '{{election}}: {{phase}}',
          `max by (election, phase) (${ofElection('scrutin_election_phase')}) > 0`,
        ),
      ],
      legendCalcs: [],
    }),
    graph({
      title: 'Votes counted',
      description: 'Over all laws, as the Elections’ status tells.',
      unit: unit.Short,
      queries: [query('{{election}}', `max by (election) (${ofElection('scrutin_election_votes')})`)],
      legendCalcs: ['lastNotNull'],
    }),
    graph({
      title: 'Electorate drift',
      description: 'Voters counted in Redis minus the number that was published.',
      signed: true,
      unit: unit.Short,
      queries: [
        query('{{election}}', `max by (election) (${ofElection('scrutin_electorate_drift_voters')})`),
      ],
      legendCalcs: ['lastNotNull'],
    }),
  ],
};

const servers = {
  title: 'The operator’s servers and process',
  panels: [
    graph({
      title: 'Servers reached',
      description: 'Whether each election’s server answered the operator at the last reconciliation: 1 or 0.',
      unit: unit.Short,
      max: 1,
      queries: [
        query(
          '{{election}}: {{server}}',
          `min by (election, server) (${ofElection('scrutin_connection_up', 'stage="operator"')})`,
        ),
      ],
      legendCalcs: ['min'],
    }),
    graph({
      title: 'Calls of the servers, p99',
      description:
        'How long the operator’s calls take. Redis is asked to count the electorate, which takes longer than anything the stages ask.',
      unit: unit.Seconds,
      queries: [
        query('Redis', quantile(0.99, own('scrutin_redis_call_seconds_bucket'))),
        query('RabbitMQ', quantile(0.99, own('scrutin_rabbitmq_call_seconds_bucket'))),
        query('PostgreSQL', quantile(0.99, own('scrutin_postgres_call_seconds_bucket'))),
      ],
    }),
    graph({
      title: 'Failed calls',
      description: 'By call.',
      unit: unit.OpsPerSecond,
      queries: [
        query('Redis', `sum(${perSecond(own('scrutin_redis_errors_total'))})`),
        query('RabbitMQ', `sum(${perSecond(own('scrutin_rabbitmq_errors_total'))})`),
        query('PostgreSQL', `sum(${perSecond(own('scrutin_postgres_errors_total'))})`),
      ],
    }),
    graph({
      title: 'Processor',
      description: 'Share of one core.',
      unit: unit.PercentUnit,
      queries: [query('{{instance}}', perSecond(own('process_cpu_seconds_total')))],
    }),
    graph({
      title: 'Memory',
      description: 'Resident memory.',
      unit: unit.BytesIEC,
      queries: [query('{{instance}}', own('process_resident_memory_bytes'))],
    }),
    graph({
      title: 'Event-loop lag, p99',
      description:
        'How long work waits for the process. Past the lease’s renewal the process loses the lead.',
      unit: unit.Seconds,
      queries: [query('{{instance}}', own('nodejs_eventloop_lag_p99_seconds'))],
      steps: worseAbove(0.5, 2),
    }),
  ],
};

export const operator = dashboard({
  uid: 'scrutin-operator',
  title: 'Scrutin / Operator',
  description:
    'The operator that prepares, opens and closes elections: what it works on, what fails and why, and who leads.',
  elections: 'several',
  rows: [now, reconciling, elections, servers],
});
