import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, NONE_EXPECTED, query } from '../panels.ts';
import { ofServer, ofStages, perSecond } from '../promql.ts';

/** Only a cluster has these series: see ../cluster-only.ts. The chart names both after its release. */
const scaler = (metric: string) => ofServer(metric, 'scaledObject=~".*-validation"');
const autoscaler = (metric: string) =>
  `max by (horizontalpodautoscaler) (${ofServer(`kube_horizontalpodautoscaler_${metric}`, 'horizontalpodautoscaler=~".*-validation"')})`;
const most = (metric: string) => `max by (scaledObject) (${scaler(metric)})`;

export const scaling: Row = {
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
        query('{{horizontalpodautoscaler}} wanted', autoscaler('status_desired_replicas')),
        query('{{horizontalpodautoscaler}} there', autoscaler('status_current_replicas')),
        query('{{horizontalpodautoscaler}} at most', autoscaler('spec_max_replicas')),
        query('{{horizontalpodautoscaler}} at least', autoscaler('spec_min_replicas')),
      ],
    }),
    graph({
      title: 'Messages that KEDA sees',
      description:
        'Ready and unacknowledged messages of the validation queue, which the autoscaler divides by messagesPerWorker. Only on a cluster.',
      unit: unit.Short,
      queries: [query('{{scaledObject}}', most('keda_scaler_metrics_value'))],
    }),
    graph({
      title: 'Scaler active',
      description: '1 while KEDA sees work. Only on a cluster.',
      unit: unit.Short,
      max: 1,
      queries: [query('{{scaledObject}}', most('keda_scaler_active'))],
    }),
    graph({
      title: 'KEDA’s errors',
      description:
        'Questions to the broker without an answer. The number of workers then stays as it is, or goes to the fallback if that is more. Only on a cluster.',
      unit: unit.OpsPerSecond,
      queries: [
        query(
          '{{scaledObject}} scaler',
          `sum by (scaledObject) (${perSecond(scaler('keda_scaler_detail_errors_total'))})`,
        ),
        query(
          '{{scaledObject}}',
          `sum by (scaledObject) (${perSecond(scaler('keda_scaled_object_errors_total'))})`,
        ),
      ],
      steps: NONE_EXPECTED,
    }),
    graph({
      title: 'KEDA’s questions',
      description: 'How long the broker’s management API takes to answer KEDA. Only on a cluster.',
      unit: unit.Seconds,
      queries: [query('{{scaledObject}}', most('keda_scaler_metrics_latency_seconds'))],
    }),
  ],
};
