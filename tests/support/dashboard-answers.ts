import {
  type DashboardQuery,
  onlyOnCluster,
  queriesOf,
} from '../../monitoring/dashboards/testing/dashboard-queries.ts';
import type { CheckedDashboard } from '../../monitoring/dashboards/testing/dashboard-schema.ts';
import { selectorsOf } from '../../monitoring/dashboards/testing/promql-parts.ts';
import type { AnsweredSeries, PrometheusUnderTest } from './prometheus-under-test.ts';

/** What Grafana would put in at a scrape interval of a second. */
const BUILT_IN = { __rate_interval: '10s', __range: '60s' };

export type Variables = Readonly<Record<string, string>>;

/** A query or a variable as Grafana would send it; `${name}` and `$name` are replaced. */
const filledIn = (text: string, variables: Variables): string =>
  Object.entries({ ...variables, ...BUILT_IN }).reduce(
    (filled, [name, value]) => filled.replaceAll(`\${${name}}`, value).replaceAll(`$${name}`, value),
    text,
  );

/**
 * What the dashboard's variables are while `election` is looked at. Throws if a variable of the dashboard has no
 * values and no All, or does not offer the election.
 */
export async function variablesOf(
  prometheus: PrometheusUnderTest,
  { templating }: CheckedDashboard,
  election: string,
): Promise<Variables> {
  const chosen: Record<string, string> = {};
  for (const variable of templating.list) {
    if (variable.type === 'datasource') continue;
    const { name, query, allValue } = variable;
    const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(filledIn(query, chosen))!;
    const offered = new Set((await prometheus.series(selector!)).flatMap((labels) => labels[label!] ?? []));
    const value = offered.has(election) ? election : allValue;
    if (value === undefined || (name === 'election' && value !== election))
      throw new Error(`the variable ${name} offers ${[...offered].join(', ') || 'nothing'}`);
    chosen[name] = value;
  }
  return chosen;
}

/**
 * Asks every query of the dashboards until each has had an answer, or `deadline` (milliseconds since the epoch) has
 * passed. Resolves with what is wrong, one line a query; empty: every query was answered, with a number in at least
 * one series, by metrics and labels that there are. Queries that only a cluster can answer are left out.
 */
export async function unanswered(
  prometheus: PrometheusUnderTest,
  dashboards: readonly { dashboard: CheckedDashboard; variables: Variables }[],
  deadline: number,
): Promise<string[]> {
  let open = dashboards.flatMap(({ dashboard, variables }) =>
    queriesOf(dashboard)
      .filter(({ expr }) => !onlyOnCluster(expr))
      .map((query) => ({ ...query, expr: filledIn(query.expr, variables) })),
  );
  for (;;) {
    const faults: string[] = [];
    const still: DashboardQuery[] = [];
    for (const query of open) {
      const fault = await faultOf(prometheus, query);
      if (fault === undefined) continue;
      still.push(query);
      faults.push(`${query.where}: ${fault}: ${query.expr}`);
    }
    open = still;
    if (open.length === 0 || Date.now() > deadline) return faults;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function faultOf(prometheus: PrometheusUnderTest, query: DashboardQuery): Promise<string | undefined> {
  try {
    const answer = await (query.instant ? prometheus.now(query.expr) : prometheus.overTheRun(query.expr));
    // What is empty or unknown may hide behind an `or`: each metric is looked at by itself.
    for (const { metric, labels } of selectorsOf(query.expr)) {
      const series = await prometheus.series(metric);
      if (series.length === 0) return `there is no metric ${metric}`;
      const unknown = labels.filter((label) => label !== 'namespace' && !series.some((one) => label in one));
      if (unknown.length > 0) return `${metric} has no label ${unknown.join(', ')}`;
    }
    const real = answer.filter(hasNumber);
    if (real.length === 0) return answer.length === 0 ? 'an empty answer' : 'no number in the answer';
    const named = [...query.legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    const lacking = named.filter((label) => !real.every(({ metric }) => metric[label]));
    return lacking.length > 0 ? `its series have no label ${lacking.join(', ')} for their names` : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const hasNumber = ({ values }: AnsweredSeries): boolean => values.some(([, value]) => value !== 'NaN');
