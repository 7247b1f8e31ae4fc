import { hash, randomUUID } from 'node:crypto';
import type { V1EnvVar, V1Job } from '@kubernetes/client-node';
import { API_VERSION, type Election, KIND } from '../../election-resource.ts';
import { LASTING_EXIT_CODE, OUTCOME_FILE, VOLUME_FOLDER } from './loader-outcome.ts';

export interface LoaderImage {
  image: string;
  pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** Names of Secrets of the Election's namespace; one that is not there is passed over by the kubelet. */
  pullSecrets?: readonly string[];
}

export interface LoadTerms {
  /** As made by {@link newGrant}. */
  grant: string;
  /** SHA-256 that the source must have; the load is refused otherwise. */
  expectedDigest: string | undefined;
}

/** The Election's Job. One name, so that two loads never undo each other's work. */
export const jobName = ({ metadata: { name } }: Election): string => `${name}-load`;

const SOURCE = 'scrutin.dev/source';

/** Tells loads apart that would not come to the same: by source, layout and pepper. */
export function sourceId({ spec }: Election): string {
  const { source, shards } = spec.electorate;
  return hash('sha256', JSON.stringify([source, shards, spec.pepperSecretName]), 'hex').slice(0, 16);
}

/** True if it is a load's: a Job of that name may be somebody's own. */
export const isLoad = ({ metadata }: V1Job): boolean => metadata?.annotations?.[SOURCE] !== undefined;

const LOAD_GRANT = 'LOAD_GRANT';

/**
 * What the pods of one Job show with each write: of this Election, not of one that had its name before, of this source,
 * and of no Job before it. A pod that the API server can't reach any more can be held off by nothing else.
 */
export const newGrant = (election: Election & { metadata: { uid?: unknown } }): string =>
  `${String(election.metadata.uid)}/${sourceId(election)}/${randomUUID()}`;

/** The one that the Job's pods have. */
export const grantOf = ({ spec }: V1Job): string | undefined =>
  spec?.template.spec?.containers[0]?.env?.find(({ name }) => name === LOAD_GRANT)?.value;

/** True if the Job loads what the Election asks for now. */
export const loadsWanted = ({ metadata }: V1Job, election: Election): boolean =>
  metadata?.annotations?.[SOURCE] === sourceId(election);

/**
 * The Job that loads an Election's electorate. It is the Election's, so that it goes with it; it has no right on the
 * cluster, and of the namespace's Secrets only the entries that it needs.
 */
export function jobManifest(
  election: Election & { metadata: { uid?: unknown } },
  { image, pullPolicy = 'IfNotPresent', pullSecrets = [] }: LoaderImage,
  { grant, expectedDigest }: LoadTerms,
): V1Job {
  const { name, namespace, uid } = election.metadata;
  const { persistentVolumeClaim } = election.spec.electorate.source;
  const labels = {
    'app.kubernetes.io/name': 'scrutin',
    'app.kubernetes.io/component': 'load-electorate',
    'app.kubernetes.io/managed-by': 'scrutin-operator',
    'scrutin.dev/election': name,
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(election),
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: { [SOURCE]: sourceId(election) },
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: KIND,
          name,
          uid: String(uid),
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    },
    spec: {
      backoffLimit: 6,
      podFailurePolicy: {
        rules: [
          {
            action: 'FailJob',
            onExitCodes: { containerName: 'load-electorate', operator: 'In', values: [LASTING_EXIT_CODE] },
          },
          // A node that goes away is no failure of the load.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          ...(pullSecrets.length > 0 && {
            imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })),
          }),
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            runAsGroup: 1000,
            fsGroup: 1000,
            fsGroupChangePolicy: 'OnRootMismatch',
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'load-electorate',
              image,
              imagePullPolicy: pullPolicy,
              command: ['node', 'operator/src/kubernetes/loader/load-electorate-job.ts'],
              env: environment(election, { grant, expectedDigest }),
              terminationMessagePath: OUTCOME_FILE,
              resources: { requests: { cpu: '250m', memory: '192Mi' }, limits: { memory: '512Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'tmp', mountPath: '/tmp' },
                ...(persistentVolumeClaim
                  ? [{ name: 'electorate', mountPath: VOLUME_FOLDER, readOnly: true }]
                  : []),
              ],
            },
          ],
          volumes: [
            { name: 'tmp', emptyDir: {} },
            ...(persistentVolumeClaim
              ? [
                  {
                    name: 'electorate',
                    persistentVolumeClaim: { claimName: persistentVolumeClaim.claimName, readOnly: true },
                  },
                ]
              : []),
          ],
        },
      },
    },
  };
}

function environment(election: Election, { grant, expectedDigest }: LoadTerms): V1EnvVar[] {
  const { metadata, spec } = election;
  const { http, s3 } = spec.electorate.source;
  const secret = (name: string, from: string, key: string, optional = false): V1EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: from, key, ...(optional && { optional }) } },
  });
  const { connectionSecretName, pepperSecretName } = spec;
  return [
    { name: 'ELECTION_ID', value: metadata.name },
    { name: LOAD_GRANT, value: grant },
    { name: 'ELECTORATE', value: JSON.stringify(spec.electorate) },
    ...(expectedDigest === undefined ? [] : [{ name: 'EXPECTED_DIGEST', value: expectedDigest }]),
    secret('REDIS_URL', connectionSecretName, 'REDIS_URL'),
    secret('REDIS_CLUSTER_NODES', connectionSecretName, 'REDIS_CLUSTER_NODES', true),
    secret('DATABASE_URL', connectionSecretName, 'DATABASE_URL'),
    secret('VOTER_PEPPER', pepperSecretName, 'VOTER_PEPPER'),
    ...(http?.authSecretName ? [secret('SOURCE_AUTHORIZATION', http.authSecretName, 'authorization')] : []),
    ...(s3
      ? [
          secret('S3_ACCESS_KEY_ID', s3.credentialsSecretName, 'accessKeyId'),
          secret('S3_SECRET_ACCESS_KEY', s3.credentialsSecretName, 'secretAccessKey'),
        ]
      : []),
  ];
}
