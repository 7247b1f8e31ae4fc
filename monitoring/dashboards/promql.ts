/** Pieces of PromQL that the dashboards share. Variables of Grafana stand in them as they are. */

/** What the stages of the chosen election say of themselves. */
const STAGES = 'namespace=~"$namespace", election=~"$election"';
/** What the operator says of the chosen election. On a cluster it runs in a namespace of its own. */
const ELECTION = 'election=~"$election"';
/** What an exporter or a broker says, which knows no election. */
const NAMESPACE = 'namespace=~"$namespace"';

const selector = (scope: string, metric: string, matchers: string): string =>
  `${metric}{${[scope, matchers].filter(Boolean).join(', ')}}`;

/** Series of the stages, of the chosen namespace and election. `matchers`: further ones, as PromQL has them. */
export const ofStages = (metric: string, matchers = ''): string => selector(STAGES, metric, matchers);

/** Series that the operator has for the chosen election. */
export const ofElection = (metric: string, matchers = ''): string => selector(ELECTION, metric, matchers);

/** Series of a backing service or its exporter, in the chosen namespace. */
export const ofServer = (metric: string, matchers = ''): string => selector(NAMESPACE, metric, matchers);

/** Series of the machines, whose exporters may run in any namespace. */
export const ofNode = (metric: string, matchers = ''): string =>
  matchers === '' ? metric : `${metric}{${matchers}}`;

/** Per second, over an interval that always holds several readings. */
export const perSecond = (series: string): string => `rate(${series}[$__rate_interval])`;

/** Sum of the rates, by `labels`. */
export const rateBy = (labels: string, series: string): string => `sum by (${labels}) (${perSecond(series)})`;

/** A quantile of a histogram over all that have it; `buckets` is a selector of its `_bucket` series. */
export const quantile = (q: number, buckets: string, labels = ''): string =>
  `histogram_quantile(${q}, ${rateBy(labels ? `le, ${labels}` : 'le', buckets)})`;

/** Mean of what a histogram has observed; `series` makes a selector of a metric's name. */
export const meanOf = (histogram: string, series: (metric: string) => string): string =>
  `sum(${perSecond(series(`${histogram}_sum`))}) / sum(${perSecond(series(`${histogram}_count`))})`;

/** The share of a histogram's observations that took at most `seconds`, a bucket's bound, over the time shown. */
export const shareWithin = (histogram: string, seconds: number): string => {
  const counted = (series: string) => `sum(increase(${series}[$__range]))`;
  // Prometheus 3 writes 10 as 10.0 in this label.
  const le = Number.isInteger(seconds) ? `le=~"${seconds}(\\\\.0)?"` : `le="${seconds}"`;
  return `${counted(ofStages(`${histogram}_bucket`, le))} / ${counted(ofStages(`${histogram}_count`))}`;
};

/** Messages that are ready, by queue: every aggregation says how many. `matchers`: which queues. */
export const ready = (matchers = ''): string =>
  `max by (queue) (${ofStages('scrutin_queue_messages', ['state="ready"', matchers].filter(Boolean).join(', '))})`;

/** Messages that the consumers hold, by queue: each says how many it has. */
export const UNACKNOWLEDGED = `sum by (queue) (${ofStages('scrutin_queue_messages', 'state="unacknowledged"')})`;

/** Age of the oldest vote that waits, by queue, in seconds. */
export const OLDEST_VOTE = `max by (queue) (${ofStages('scrutin_oldest_vote_age_seconds')})`;
