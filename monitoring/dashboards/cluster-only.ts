/**
 * Metrics that only a cluster has, with the reason; no live run on one machine can answer a query about them.
 * Their names are those of the sources named here, and their Prometheus job must honour labels (`honor_labels`):
 * each has a namespace of its own in its series, which is not the exporter's.
 */
export interface ClusterOnly {
  exporter: string;
  reason: string;
  /** Where the names stand. */
  source: string;
  /** The version that the names were read from. */
  version: string;
  metrics: Readonly<Record<string, readonly string[]>>;
}

const SCALER_LABELS = ['namespace', 'metric', 'scaledObject', 'scaler', 'triggerIndex', 'type'];
const AUTOSCALER_LABELS = ['namespace', 'horizontalpodautoscaler'];

export const CLUSTER_ONLY: readonly ClusterOnly[] = [
  {
    exporter: 'KEDA’s operator',
    reason: 'KEDA scales the validation workers, and there is nothing that it could scale without a cluster',
    source: 'github.com/kedacore/keda/v2, pkg/metricscollector/prommetrics.go',
    version: '2.18.1',
    metrics: {
      keda_scaler_metrics_value: SCALER_LABELS,
      keda_scaler_metrics_latency_seconds: SCALER_LABELS,
      keda_scaler_active: SCALER_LABELS,
      keda_scaler_detail_errors_total: SCALER_LABELS,
      keda_scaled_object_errors_total: ['namespace', 'scaledObject'],
    },
  },
  {
    exporter: 'kube-state-metrics',
    reason: 'it tells of HorizontalPodAutoscalers, which are objects of a cluster',
    source: 'kubernetes/kube-state-metrics, docs/metrics/workload/horizontalpodautoscaler-metrics.md',
    version: '2',
    metrics: {
      kube_horizontalpodautoscaler_spec_max_replicas: AUTOSCALER_LABELS,
      kube_horizontalpodautoscaler_spec_min_replicas: AUTOSCALER_LABELS,
      kube_horizontalpodautoscaler_status_current_replicas: AUTOSCALER_LABELS,
      kube_horizontalpodautoscaler_status_desired_replicas: AUTOSCALER_LABELS,
    },
  },
];
