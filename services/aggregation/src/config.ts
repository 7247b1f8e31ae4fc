import { commonSettings, connectionSettings, kinds } from '@scrutin/shared/config.ts';
import { tracingSettings } from '@scrutin/shared/tracing.ts';
import { z } from 'zod';

export const settings = {
  ...commonSettings,
  ...tracingSettings,
  PORT: kinds.integer(0, 65_535).default(3003).describe('HTTP port of aggregation: probes and metrics'),
  RABBITMQ_URL: connectionSettings.RABBITMQ_URL,
  DATABASE_URL: connectionSettings.DATABASE_URL,
  DATABASE_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be the name of a PostgreSQL role')
    .default('scrutin_writer')
    .describe('PostgreSQL role whose rights aggregation takes on, and no more'),
  PREFETCH: kinds
    .integer(1, 10_000)
    .default(100)
    .describe('Messages that an aggregation may hold unacknowledged'),
  BATCH_MAX_VOTES: kinds
    .integer(1, 100_000)
    .default(1_024)
    .describe('Votes that are recorded in one transaction, about'),
  BATCH_LINGER_MS: kinds.integer(0, 1_000).default(5).describe('Milliseconds that an incomplete batch waits'),
  CONFIRM_TIMEOUT_MS: kinds
    .integer(100, 120_000)
    .default(10_000)
    .describe('Milliseconds that the broker has to confirm a vote sent to review before it is sent again'),
  STATEMENT_TIMEOUT_MS: kinds
    .integer(100, 600_000)
    .default(30_000)
    .describe('Milliseconds that PostgreSQL has for a statement before the batch is tried again'),
  STATS_INTERVAL_MS: kinds
    .integer(100, 3_600_000)
    .default(10_000)
    .describe('Milliseconds between two rows of processing_queue_stats for a queue'),
  STATS_RETENTION_HOURS: kinds
    .integer(1, 87_600)
    .default(168)
    .describe('Hours after which rows of processing_queue_stats are deleted'),
} as const;
