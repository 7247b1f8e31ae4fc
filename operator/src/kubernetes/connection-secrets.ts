import type { CoreV1Api, V1Secret } from '@kubernetes/client-node';
import { ConfigError, connectionSettings, kinds, readConfig } from '@scrutin/shared/config.ts';
import { electionDatabaseUrl } from '@scrutin/shared/election-urls.ts';
import { virtualHost } from '@scrutin/shared/topology.ts';
import type { Pepper } from '@scrutin/shared/voter-hash.ts';
import type { Election } from '../election-resource.ts';
import { StepError } from '../reconcile/conditions.ts';
import type { ServerAddresses } from '../server-ports.ts';
import { isForbidden, isNotFound } from './kube-error.ts';

/** Whoever connects decodes user, password and path: a password's `%` as it is would make each of them fail. */
const address = (protocols: string[]) =>
  kinds.url(protocols).refine(isDecodable, 'must have each % that is meant as such written as %25');
const POSTGRES = ['postgres://', 'postgresql://'];

/**
 * What the connection Secret must hold. REDIS_CLUSTER_NODES is optional, and so are the addresses by which aggregation and
 * results connect as users of their own; by RABBITMQ_URL the stages connect.
 */
export const connectionSecretSettings = {
  REDIS_URL: address(['redis://', 'rediss://']),
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  RABBITMQ_URL: address(['amqp://', 'amqps://']),
  RABBITMQ_MANAGEMENT_URL: address(['http://', 'https://']),
  DATABASE_URL: address(POSTGRES),
  AGGREGATION_DATABASE_URL: address(POSTGRES).optional(),
  RESULTS_DATABASE_URL: address(POSTGRES).optional(),
} as const;

const pepperSecretSettings = { VOTER_PEPPER: connectionSettings.VOTER_PEPPER } as const;

export interface ElectionConnections {
  addresses: ServerAddresses;
  pepper: Pepper;
  /** Another whenever one of the Secrets is. */
  version: string;
}

/**
 * Reads the Election's connection Secret and pepper Secret, by name and in its own namespace: the operator has no right
 * to list Secrets. Throws {@link StepError} that says which Secret to make or mend.
 */
export async function readConnections(core: CoreV1Api, election: Election): Promise<ElectionConnections> {
  const { connectionSecretName, pepperSecretName } = election.spec;
  const { name, namespace = 'default' } = election.metadata;
  // All that is wrong at once, and always in the same words.
  const read = await Promise.allSettled([
    readSecret(core, namespace, connectionSecretName, 'connectionSecretName').then((secret) => ({
      secret,
      urls: entriesOf(secret, connectionSecretSettings, connectionSecretName),
    })),
    readSecret(core, namespace, pepperSecretName, 'pepperSecretName').then((secret) => ({
      secret,
      pepper: entriesOf(secret, pepperSecretSettings, pepperSecretName).VOTER_PEPPER,
    })),
  ]);
  const [connection, pepper] = read;
  if (connection.status === 'rejected' || pepper.status === 'rejected') throw together(read);
  const { urls } = connection.value;
  checkVirtualHost(urls.RABBITMQ_URL, name, connectionSecretName);
  return {
    addresses: {
      redisUrl: urls.REDIS_URL,
      redisClusterNodes: urls.REDIS_CLUSTER_NODES,
      rabbitmqManagementUrl: urls.RABBITMQ_MANAGEMENT_URL,
      rabbitmqUrl: urls.RABBITMQ_URL,
      databaseUrl: databaseOf(urls.DATABASE_URL, name),
      aggregationDatabaseUrl: urls.AGGREGATION_DATABASE_URL,
      resultsDatabaseUrl: urls.RESULTS_DATABASE_URL,
    },
    pepper: pepper.value.pepper,
    version: [connection.value.secret, pepper.value.secret]
      .map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
      .join(' '),
  };
}

/** The stages use the address as it is, or with the election's virtual host; another one is never prepared. */
function checkVirtualHost(rabbitmqUrl: string, electionId: string, secretName: string): void {
  const named = decodeURIComponent(new URL(rabbitmqUrl).pathname.slice(1));
  const own = virtualHost(electionId);
  if (named === '' || named === own) return;
  throw new StepError(
    'SecretIncomplete',
    `Secret ${secretName} can’t be used: RABBITMQ_URL names the virtual host ${named}, and the election’s is ${own}`,
  );
}

function together(read: readonly PromiseSettledResult<unknown>[]): Error {
  const errors = read.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  const unexpected = errors.find((error) => !(error instanceof StepError));
  if (unexpected || errors.length === 1) return unexpected ?? errors[0]!;
  const { reason } = errors[0] as StepError;
  return new StepError(reason, errors.map(({ message }) => message).join('; '));
}

/** The election's own database: the one that the address names, or on a server without a name the usual one. */
export function databaseOf(databaseUrl: string, electionId: string): string {
  const { pathname } = new URL(databaseUrl);
  return pathname === '' || pathname === '/' || pathname === '/postgres'
    ? electionDatabaseUrl(databaseUrl, electionId)
    : databaseUrl;
}

/** Reads a Secret of the Election's namespace; `field` of the spec names it. Throws {@link StepError}. */
export async function readSecret(
  core: CoreV1Api,
  namespace: string,
  name: string,
  field: string,
): Promise<V1Secret> {
  try {
    return await core.readNamespacedSecret({ name, namespace });
  } catch (error) {
    if (isNotFound(error))
      throw new StepError(
        'SecretMissing',
        `there is no Secret ${name} in namespace ${namespace}; make it, or correct spec.${field}`,
      );
    if (isForbidden(error))
      throw new StepError(
        'SecretForbidden',
        `the operator may not read Secret ${name} in namespace ${namespace}; grant its service account "get" on it by a Role there, or correct spec.${field}`,
      );
    throw error;
  }
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

/** An entry of a Secret as text; undefined if it is not there. */
export const secretText = ({ data }: V1Secret, key: string): string | undefined =>
  data?.[key] === undefined ? undefined : Buffer.from(data[key], 'base64').toString('utf8').trim();

function entriesOf<S extends Parameters<typeof readConfig>[0]>(secret: V1Secret, settings: S, name: string) {
  const entries = Object.fromEntries(Object.keys(settings).map((key) => [key, secretText(secret, key)]));
  try {
    return readConfig(settings, entries);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // What stands there is a secret: only what it must be is told.
    const problems = error.message.split('\n').map((line) => line.replace(/ \((?:got|it is).*\)$/, ''));
    throw new StepError('SecretIncomplete', `Secret ${name} can’t be used: ${problems.join('; ')}`);
  }
}
