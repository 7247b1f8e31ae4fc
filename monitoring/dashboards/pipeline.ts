import * as unit from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { graph, NONE_EXPECTED, number, ONE_EXPECTED, query, worseAbove } from './panels.ts';
import {
  meanOf,
  OLDEST_VOTE,
  ofServer,
  ofStages,
  perSecond,
  quantile,
  rateBy,
  ready,
  UNACKNOWLEDGED,
} from './promql.ts';

const quantiles = (histogram: string, matchers = '') =>
  [0.5, 0.95, 0.99].map((q) => query(`p${q * 100}`, quantile(q, ofStages(`${histogram}_bucket`, matchers))));

/** Failures of a route as a share of its requests; a route without any has 0. */
const failedShare = (stage: string) => {
  const requests = (matchers: string) =>
    rateBy('route', ofStages('scrutin_http_request_seconds_count', `stage="${stage}"${matchers}`));
  const all = requests('');
  return `(${requests(', status=~"5..|aborted"')} or ${all} * 0) / (${all} > 0)`;
};

const requestRate = (stage: string) =>
  graph({
    title: 'Requests a second',
    description: 'By route and status.',
    unit: unit.RequestsPerSecond,
    queries: [
      query(
        '{{method}} {{route}} {{status}}',
        `${rateBy('method, route, status', ofStages('scrutin_http_request_seconds_count', `stage="${stage}"`))} > 0`,
      ),
    ],
  });

const failures = (stage: string) =>
  graph({
    title: 'Failed requests',
    description: 'Share of the requests that were answered with 5xx, or that the client gave up, by route.',
    unit: unit.PercentUnit,
    queries: [query('{{route}}', failedShare(stage))],
    steps: worseAbove(0.001, 0.01),
  });

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

const ingestion = {
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
        'Votes that wait for the confirm, messages without one yet, and votes that travel in one message on average. Past its limit ingestion answers 503.',
      unit: unit.Short,
      queries: [
        query('votes that wait', `sum(${ofStages('scrutin_ingestion_pending_votes')})`),
        query('messages without a confirm', `sum(${ofStages('scrutin_ingestion_inflight_confirms')})`),
        query('votes a message', meanOf('scrutin_ingestion_message_votes', ofStages)),
      ],
    }),
  ],
};

const validation = {
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

/** Only a cluster has these series: see cluster-only.ts. */
const VALIDATION_SCALER = 'scaledObject=~".*-validation"';
const VALIDATION_HPA = 'horizontalpodautoscaler=~".*-validation"';

const scaling = {
  title: 'Workers and KEDA’s decisions',
  panels: [
    graph({
      title: 'Workers',
      description: 'Validation workers that Prometheus reaches.',
      unit: unit.Short,
      queries: [query('workers', `count(${ofStages('scrutin_build_info', 'stage="validation"')})`)],
      legendCalcs: ['lastNotNull', 'min', 'max'],
    }),
    graph({
      title: 'Replicas wanted',
      description:
        'What the autoscaler that KEDA made wants, has, and may go to. Only on a cluster with kube-state-metrics.',
      unit: unit.Short,
      queries: [
        query(
          'wanted',
          `max(${ofServer('kube_horizontalpodautoscaler_status_desired_replicas', VALIDATION_HPA)})`,
        ),
        query(
          'there',
          `max(${ofServer('kube_horizontalpodautoscaler_status_current_replicas', VALIDATION_HPA)})`,
        ),
        query('most', `max(${ofServer('kube_horizontalpodautoscaler_spec_max_replicas', VALIDATION_HPA)})`),
        query('least', `max(${ofServer('kube_horizontalpodautoscaler_spec_min_replicas', VALIDATION_HPA)})`),
      ],
    }),
    graph({
      title: 'Messages that KEDA sees',
      description:
        'Ready and unacknowledged messages of the validation queue, which the autoscaler divides by messagesPerWorker. Only on a cluster.',
      unit: unit.Short,
      queries: [query('messages', `max(${ofServer('keda_scaler_metrics_value', VALIDATION_SCALER)})`)],
    }),
    graph({
      title: 'Scaler active',
      description: '1 while KEDA sees work. Only on a cluster.',
      unit: unit.Short,
      max: 1,
      queries: [query('active', `max(${ofServer('keda_scaler_active', VALIDATION_SCALER)})`)],
    }),
    graph({
      title: 'KEDA’s errors',
      description:
        'Questions to the broker without an answer. The number of workers then stays as it is, or goes to the fallback if that is more. Only on a cluster.',
      unit: unit.OpsPerSecond,
      queries: [
        query('scaler', `sum(${perSecond(ofServer('keda_scaler_detail_errors_total', VALIDATION_SCALER))})`),
        query(
          'ScaledObject',
          `sum(${perSecond(ofServer('keda_scaled_object_errors_total', VALIDATION_SCALER))})`,
        ),
      ],
      steps: NONE_EXPECTED,
    }),
    graph({
      title: 'KEDA’s questions',
      description: 'How long the broker’s management API takes to answer KEDA. Only on a cluster.',
      unit: unit.Seconds,
      queries: [query('time', `max(${ofServer('keda_scaler_metrics_latency_seconds', VALIDATION_SCALER)})`)],
    }),
  ],
};

const aggregation = {
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

const results = {
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
