import { StepError } from '../reconcile/conditions.ts';
import type { ServerAddresses } from '../server-ports.ts';
import type { RawElection } from './election-informer.ts';

/** The name is another Election's. */
export class NameTaken extends StepError {
  /** False if the other's servers can't be told now: it may have some of its own. */
  readonly certain: boolean;

  constructor(message: string, certain: boolean) {
    super('NameTaken', message, { lasting: true });
    this.certain = certain;
  }
}

/** Phases of which an Election has had nothing on its servers, or may not have. */
const UNPREPARED: readonly unknown[] = [undefined, 'Pending', 'Failed'];

/**
 * Elections of two namespaces may have one name, but not on the same servers: there the name is the key prefix, the
 * virtual host and the database. The older one has it. `addressesOf` tells another Election's servers, undefined if they
 * can't be told now. Throws {@link NameTaken}.
 *
 * Asked of the Elections as they stand on the API server and not of what this process remembers, so that a new leader
 * comes to the same answer whichever it looks at first.
 */
export async function claimName(
  election: RawElection,
  addresses: ServerAddresses,
  all: readonly RawElection[],
  addressesOf: (other: RawElection) => Promise<ServerAddresses | undefined>,
): Promise<void> {
  const places = placesOf(addresses);
  for (const other of all) {
    const { name, namespace } = other.metadata;
    if (name !== election.metadata.name || !isOlder(other, election)) continue;
    const theirs = await addressesOf(other);
    const clash = theirs ? [...placesOf(theirs)].some((place) => places.has(place)) : isPrepared(other);
    if (!clash) continue;
    const uses = theirs
      ? 'uses the same servers'
      : 'may use the same servers (its Secrets can’t be read now)';
    throw new NameTaken(
      `Election ${namespace}/${name} ${uses} under the same name; give this one another name, or servers of its own`,
      theirs !== undefined,
    );
  }
}

const isPrepared = ({ status }: RawElection): boolean =>
  !UNPREPARED.includes((status as { phase?: string } | undefined)?.phase);

/**
 * Creation times are whole seconds. Of two Elections of one second the one that has been prepared came first; of two
 * that have not, the uid decides, so that both are told the same.
 */
function isOlder(other: RawElection, ours: RawElection): boolean {
  const [theirTime, ourTime] = [
    other.metadata.creationTimestamp ?? '',
    ours.metadata.creationTimestamp ?? '',
  ];
  if (theirTime !== ourTime) return theirTime < ourTime;
  if (isPrepared(other) !== isPrepared(ours)) return isPrepared(other);
  return other.metadata.uid < ours.metadata.uid;
}

const PORTS: Record<string, string> = { 'redis:': '6379', 'rediss:': '6379', 'http:': '80', 'https:': '443' };

function placesOf({ redisUrl, redisClusterNodes, rabbitmqManagementUrl, databaseUrl }: ServerAddresses) {
  const redis = redisClusterNodes
    ? redisClusterNodes.split(',').map((node) => `redis ${node}/0`)
    : [`redis ${hostOf(redisUrl)}/${new URL(redisUrl).pathname.slice(1) || '0'}`];
  const database = `postgres ${hostOf(databaseUrl)}${new URL(databaseUrl).pathname}`;
  return new Set([...redis, `rabbitmq ${hostOf(rabbitmqManagementUrl)}`, database]);
}

function hostOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname.toLowerCase()}:${port || (PORTS[protocol] ?? '5432')}`;
}
