import { commonSettings, connectionSettings, kinds } from '@scrutin/shared/config.ts';
import { tracingSettings } from '@scrutin/shared/tracing.ts';

export const settings = {
  ...commonSettings,
  ...tracingSettings,
  PORT: kinds.integer(0, 65_535).default(3002).describe('HTTP port of validation: probes and metrics'),
  RABBITMQ_URL: connectionSettings.RABBITMQ_URL,
  REDIS_URL: connectionSettings.REDIS_URL,
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  PREFETCH: kinds.integer(1, 10_000).default(100).describe('Messages that a worker may hold unacknowledged'),
  BATCH_MAX_VOTES: kinds
    .integer(1, 100_000)
    .default(1_024)
    .describe('Votes that are decided in one call of the Redis script, about'),
  BATCH_LINGER_MS: kinds.integer(0, 1_000).default(2).describe('Milliseconds that an incomplete batch waits'),
  CONFIRM_TIMEOUT_MS: kinds
    .integer(100, 120_000)
    .default(10_000)
    .describe('Milliseconds that the broker has to confirm an outcome before it is published again'),
} as const;
