/**
 * Metrics of others that the rules read, with the labels they have beside `job` and `instance`. RabbitMQ's own plugin (3.10, 4.0),
 * redis_exporter (1.45), postgres_exporter (0.11), node_exporter (1.5), kube-state-metrics (2.x), Prometheus itself.
 */
export const EXPORTER_METRICS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  rabbitmq_alarms_memory_used_watermark: [],
  rabbitmq_alarms_free_disk_space_watermark: [],
  redis_up: [],
  redis_memory_used_bytes: [],
  redis_memory_max_bytes: [],
  redis_evicted_keys_total: [],
  pg_up: [],
  pg_stat_activity_count: ['datname', 'state', 'server'],
  pg_settings_max_connections: ['server'],
  node_filesystem_avail_bytes: ['device', 'fstype', 'mountpoint'],
  node_filesystem_size_bytes: ['device', 'fstype', 'mountpoint'],
  kube_pod_container_resource_limits: ['namespace', 'pod', 'container', 'node', 'resource', 'unit'],
};
