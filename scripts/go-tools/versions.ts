/** Everything that is built from the Go module proxy, pinned at one place. */
export const VERSIONS = {
  kubernetes: '1.34.4',
  etcd: '3.6.5',
  coredns: '1.13.1',
  kubeRouter: '2.1.0',
  keda: '2.18.1',
  helm: '3.19.2',
  helmUnittest: '1.1.2',
  kubeconform: '0.7.0',
  prometheusOperator: '0.82.2',
  gatewayApi: '1.3.0',
  cloudNativePg: '1.27.0',
  rabbitmqClusterOperator: '2.9.0',
} as const;

/** Go versions before this one can't build them. */
export const LEAST_GO = [1, 24] as const;
