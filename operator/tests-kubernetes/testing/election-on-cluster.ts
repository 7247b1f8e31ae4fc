import { randomBytes } from 'node:crypto';
import type { CoreV1Event } from '@kubernetes/client-node';
import { electionDatabaseUrl, electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import type { Condition, ConditionType, ElectionStatus } from '../../src/election-resource.ts';
import { GROUP, PLURAL, VERSION } from '../../src/kubernetes/election-names.ts';
import { isNotFound } from '../../src/kubernetes/kube-error.ts';
import { type ServerPorts, serverPorts } from '../../src/server-ports.ts';
import { type Cluster, eventually } from './cluster.ts';
import { apply, grantNamespace } from './operator-rights.ts';
import { sampleElection } from './sample-election.ts';

/** Where tests find their servers; the runner sets these. */
export const SERVERS = {
  REDIS_URL: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  RABBITMQ_URL: process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672',
  RABBITMQ_MANAGEMENT_URL: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  DATABASE_URL: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
};
const VOTER_PEPPER = '5e'.repeat(32);
const HOUR = 3_600_000;

/** An Election as it stands on the API server. */
export interface StoredElection {
  metadata: { uid: string; generation: number; resourceVersion: string; finalizers?: string[] };
  status?: Partial<ElectionStatus>;
}

/** An election of a test's own: a namespace with its Secrets, the real servers, and the Election. */
export class ElectionOnCluster {
  readonly name: string;
  readonly namespace: string;
  readonly ports: ServerPorts;
  readonly #cluster: Cluster;
  readonly #made = Date.now();

  /** Another one's name and a namespace of one's own: two Elections that get in each other's way. */
  constructor(cluster: Cluster, name = `t-${randomBytes(6).toString('hex')}`, namespace = name) {
    this.#cluster = cluster;
    this.name = name;
    this.namespace = namespace;
    this.ports = serverPorts({
      electionId: this.name,
      addresses: {
        redisUrl: SERVERS.REDIS_URL,
        rabbitmqManagementUrl: SERVERS.RABBITMQ_MANAGEMENT_URL,
        databaseUrl: electionDatabaseUrl(SERVERS.DATABASE_URL, this.name),
      },
      pepper: pepperFromHex(VOTER_PEPPER),
      openSource: () => {
        throw new Error('the test loads nothing');
      },
      log: createLog({ stage: 'test', level: 'silent' }),
    });
  }

  /** What the connection Secret holds when all is well. */
  get connections(): Record<string, string> {
    return {
      ...SERVERS,
      RABBITMQ_URL: electionRabbitmqUrl(SERVERS.RABBITMQ_URL, this.name),
      DATABASE_URL: electionDatabaseUrl(SERVERS.DATABASE_URL, this.name),
    };
  }

  /** Makes the namespace with both Secrets and an electorate of `voters` in a ConfigMap; the operator may read them. */
  async prepare(voters = 3): Promise<void> {
    await apply(this.#cluster, [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } },
      this.secret('scrutin-connections', this.connections),
      this.secret('scrutin-pepper', { VOTER_PEPPER }),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'electorate', namespace: this.namespace },
        data: { 'roll.txt': hashLines(voters) },
      },
    ]);
    await grantNamespace(this.#cluster, this.namespace);
  }

  secret(name: string, stringData: Record<string, string>): object {
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: this.namespace }, stringData };
  }

  applyObjects(...objects: object[]): Promise<void> {
    return apply(this.#cluster, objects);
  }

  /** Applies the Election, as a person does; it is open from now on. */
  apply(changes: Record<string, unknown> = {}): Promise<void> {
    const spec = {
      opensAt: new Date(this.#made - 60_000).toISOString(),
      closesAt: new Date(this.#made + HOUR).toISOString(),
      ...changes,
    };
    return apply(this.#cluster, [sampleElection(this.name, spec, this.namespace)]);
  }

  /** The Election as stored; undefined if there is none. */
  async read(): Promise<StoredElection | undefined> {
    const { namespace, name } = this;
    const where = { group: GROUP, version: VERSION, plural: PLURAL, namespace, name };
    try {
      return (await this.#cluster.clients.custom.getNamespacedCustomObject(where)) as StoredElection;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async status(): Promise<Partial<ElectionStatus>> {
    return (await this.read())?.status ?? {};
  }

  /** Resolves with the status once it is as wanted. */
  untilStatus(
    holds: (status: Partial<ElectionStatus>) => boolean | undefined,
    limitMs = 120_000,
  ): Promise<Partial<ElectionStatus>> {
    return eventually(async () => {
      const status = await this.status();
      if (!holds(status)) throw new Error(`the status is ${JSON.stringify(status, null, 1)}`);
      return status;
    }, limitMs);
  }

  untilPhase(phase: string, limitMs?: number): Promise<Partial<ElectionStatus>> {
    return this.untilStatus((status) => status.phase === phase, limitMs);
  }

  untilCondition(
    type: ConditionType,
    status: Condition['status'],
    reason?: string,
    limitMs?: number,
  ): Promise<Condition> {
    const find = ({ conditions }: Partial<ElectionStatus>) =>
      conditions?.find(
        (condition) =>
          condition.type === type &&
          condition.status === status &&
          (reason === undefined || condition.reason === reason),
      );
    return this.untilStatus((found) => find(found) !== undefined, limitMs).then((found) => find(found)!);
  }

  async events(): Promise<CoreV1Event[]> {
    const { items } = await this.#cluster.clients.core.listNamespacedEvent({ namespace: this.namespace });
    return items.filter(({ involvedObject }) => involvedObject.name === this.name);
  }

  /** Resolves with the Event of that reason once it is there. */
  untilEvent(reason: string): Promise<CoreV1Event> {
    return eventually(async () => {
      const events = await this.events();
      const found = events.find((event) => event.reason === reason);
      if (!found) throw new Error(`of ${reason} nothing, only ${events.map((event) => event.reason)}`);
      return found;
    });
  }

  /** Asks for the deletion; the finalizer decides when it is done. */
  async delete(): Promise<void> {
    const { namespace, name } = this;
    await this.#cluster.clients.custom.deleteNamespacedCustomObject({
      group: GROUP,
      version: VERSION,
      plural: PLURAL,
      namespace,
      name,
    });
  }

  untilGone(limitMs = 120_000): Promise<void> {
    return eventually(async () => {
      if (await this.read()) throw new Error('the Election is still there');
    }, limitMs);
  }

  /** Removes what it has on the servers; the API server goes with the test file. */
  async remove(): Promise<void> {
    await this.ports.broker.remove(this.name);
    await this.ports.electorate.remove();
    await this.ports.ledger.remove();
    await this.ports.close();
  }
}

/** So many electors' hashes, one a line. */
export function hashLines(voters: number): string {
  const digits = randomBytes(32 * voters).toString('hex');
  const lines = Array.from({ length: voters }, (_, i) => digits.slice(64 * i, 64 * (i + 1)));
  return `${lines.join('\n')}\n`;
}
