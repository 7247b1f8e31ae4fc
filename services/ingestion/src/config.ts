import { commonSettings, connectionSettings, kinds } from '@scrutin/shared/config.ts';
import { tracingSettings } from '@scrutin/shared/tracing.ts';
import { MAX_VOTES_PER_MESSAGE } from '@scrutin/shared/vote-message.ts';
import { z } from 'zod';

export const settings = {
  ...commonSettings,
  ...tracingSettings,
  PORT: kinds.integer(0, 65_535).default(3001).describe('HTTP port of ingestion'),
  RABBITMQ_URL: connectionSettings.RABBITMQ_URL,
  REDIS_URL: connectionSettings.REDIS_URL,
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  VOTER_PEPPER: connectionSettings.VOTER_PEPPER,
  RESULTS_URL: kinds
    .url(['http://', 'https://'])
    .default('http://127.0.0.1:3004')
    .describe('Address of results as voters reach it; a ballot’s status address begins with it'),
  BATCH_MAX_VOTES: kinds
    .integer(1, MAX_VOTES_PER_MESSAGE)
    .default(MAX_VOTES_PER_MESSAGE)
    .describe('Votes that travel in one message at the most'),
  BATCH_LINGER_MS: kinds
    .integer(0, 1_000)
    .default(2)
    .describe('Milliseconds that a vote waits for others to travel with'),
  MAX_PENDING_VOTES: kinds
    .integer(1, 1_000_000)
    .default(1_024)
    .describe('Votes under way, from their arrival to the broker’s confirm, at the most; more get 503 (P6)'),
  MAX_WAIT_MS: kinds
    .integer(10, 60_000)
    .default(250)
    .describe(
      'Milliseconds until the work on a vote begins, at the most; one that would wait longer gets 503',
    ),
  CONFIRM_TIMEOUT_MS: kinds
    .integer(100, 60_000)
    .default(5_000)
    .describe('Milliseconds that the broker has to confirm a message before its votes get 503'),
  RATE_LIMIT_PER_MINUTE: kinds
    .integer(0, 10_000_000)
    .default(600)
    .describe('Votes per minute and client address before 429; 0: no limit'),
  RATE_LIMIT_STORE: z
    .enum(['redis', 'memory'], { error: 'must be "redis" or "memory"' })
    .default('redis')
    .describe('Where votes per address are counted: redis for all replicas together, memory for each'),
  TRUST_PROXY: z
    .string()
    .regex(
      /^(?:\d{1,2}|[0-9a-fA-F.:/]+(?:,[0-9a-fA-F.:/]+)*|loopback|uniquelocal)$/,
      'must be a number of proxies or addresses',
    )
    .default('0')
    .describe('Proxies in front whose X-Forwarded-For is believed: their number, or their addresses'),
} as const;
