import { commonSettings, connectionSettings, kinds } from '@scrutin/shared/config.ts';
import { z } from 'zod';

const { ELECTION_ID: _, ...common } = commonSettings;

/** Settings of the operator on one machine. RABBITMQ_URL and DATABASE_URL name the servers, not the election. */
export const settings = {
  ...common,
  PORT: kinds.integer(0, 65_535).default(3005).describe('HTTP port of the operator: probes and metrics'),
  ELECTION_FILE: z
    .string({ error: 'must be the path of an Election file (k8s/samples has some)' })
    .describe('The Election that is reconciled, again whenever the file changes; required'),
  STATUS_FILE: z.string().optional().describe('Where the Election’s status is written, as JSON'),
  VOLUMES: z
    .string()
    .default('.scrutin/volumes')
    .describe('Folder of the electorates: a persistentVolumeClaim is the folder of that name in it'),
  RESYNC_MS: kinds
    .integer(100, 3_600_000)
    .default(5_000)
    .describe('Milliseconds between two looks at an Election that has not changed'),
  CLOSING_GRACE_MS: kinds
    .integer(0, 600_000)
    .default(10_000)
    .describe('Milliseconds after closesAt in which accepted votes may still reach the broker'),
  REDIS_URL: connectionSettings.REDIS_URL,
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  // What the stages connect by: its user gets rights on the election’s virtual host.
  RABBITMQ_URL: connectionSettings.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: kinds
    .url(['http://', 'https://'])
    .default('http://guest:guest@127.0.0.1:15672')
    .describe('RabbitMQ’s management API, with a user who may make virtual hosts'),
  DATABASE_URL: kinds
    .url(['postgres://', 'postgresql://'])
    .default('postgres://postgres@127.0.0.1:5432/postgres')
    .describe(
      'PostgreSQL, with a user who may make databases and roles; the election’s database is made there',
    ),
  VOTER_PEPPER: connectionSettings.VOTER_PEPPER,
} as const;
