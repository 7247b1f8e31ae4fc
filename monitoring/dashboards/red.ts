import * as unit from '@grafana/grafana-foundation-sdk/units';
import { graph, query, worseAbove } from './panels.ts';
import { ofStages, quantile, rateBy } from './promql.ts';

/** Median, 95 % and 99 % of a histogram of the stages. */
export const quantiles = (histogram: string, matchers = '') =>
  [0.5, 0.95, 0.99].map((q) => query(`p${q * 100}`, quantile(q, ofStages(`${histogram}_bucket`, matchers))));

/** Failures of a route as a share of its requests; a route without any has 0. */
const failedShare = (stage: string) => {
  const requests = (matchers: string) =>
    rateBy('route', ofStages('scrutin_http_request_seconds_count', `stage="${stage}"${matchers}`));
  const all = requests('');
  return `(${requests(', status=~"5..|aborted"')} or ${all} * 0) / (${all} > 0)`;
};

/** The R of RED: requests of a stage that serves HTTP. */
export const requestRate = (stage: string) =>
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

/** The E of RED. */
export const failures = (stage: string) =>
  graph({
    title: 'Failed requests',
    description: 'Share of the requests that were answered with 5xx, or that the client gave up, by route.',
    unit: unit.PercentUnit,
    queries: [query('{{route}}', failedShare(stage))],
    steps: worseAbove(0.001, 0.01),
  });
