import { commonSettings, kinds } from '@scrutin/shared/config.ts';
import { z } from 'zod';

const { ELECTION_ID: _, ...common } = commonSettings;

/** Settings of the operator on a cluster. How the cluster is reached is Kubernetes' own: the pod's account or KUBECONFIG. */
export const settings = {
  ...common,
  PORT: kinds.integer(0, 65_535).default(3005).describe('HTTP port of the operator: probes and metrics'),
  WATCH_NAMESPACE: z
    .string()
    .optional()
    .describe('Namespace whose Elections are served; all namespaces without it'),
  LEASE_NAMESPACE: z
    .string()
    .default('default')
    .describe('Namespace of the Lease by which one replica leads'),
  LEASE_NAME: z.string().default('scrutin-operator').describe('Name of that Lease'),
  LEASE_DURATION_MS: kinds
    .integer(3_000, 600_000)
    .refine((ms) => ms % 1000 === 0, 'must be whole seconds, in milliseconds')
    .default(15_000)
    .describe('Milliseconds after which another replica follows a leader that has vanished'),
  POD_NAME: z.string().optional().describe('Name of this replica among the others; by default the host’s'),
  WORKERS: kinds
    .integer(1, 1_000)
    .default(16)
    .describe('Elections that are worked on at a time, each with up to two connections to PostgreSQL'),
  RESYNC_MS: kinds
    .integer(1_000, 3_600_000)
    .default(30_000)
    .describe('Milliseconds between two looks at an Election that has not changed'),
  CLOSING_GRACE_MS: kinds
    .integer(0, 600_000)
    .default(10_000)
    .describe('Milliseconds after closesAt in which accepted votes may still reach the broker'),
  CLEANUP_TIMEOUT_MS: kinds
    .integer(0, 86_400_000)
    .default(300_000)
    .describe(
      'Milliseconds in which a deleted Election’s data is tried to be removed; then the Election is let go all the same',
    ),
  LOADER_IMAGE: z
    .string()
    .optional()
    .describe(
      'Image of the Jobs that load large electorates: the operator’s own. Without it volumes can’t be read',
    ),
  LOADER_IMAGE_PULL_SECRETS: z
    .string()
    .regex(/^[a-z0-9.-]+(,[a-z0-9.-]+)*$/, 'must be names of Secrets, separated by commas')
    .transform((names) => names.split(','))
    .optional()
    .describe(
      'Names of Secrets with which that image is pulled, separated by commas; they are in each Election’s namespace',
    ),
} as const;
