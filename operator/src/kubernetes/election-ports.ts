import { hash } from 'node:crypto';
import type { Log } from '@scrutin/shared/log.ts';
import type { Election } from '../election-resource.ts';
import type { PortsObserver } from '../observed-ports.ts';
import { ElectionError, parseElection } from '../read-election.ts';
import { StepError } from '../reconcile/conditions.ts';
import type { Ports } from '../reconcile/ports.ts';
import { type ServerAddresses, type ServerPorts, serverPorts } from '../server-ports.ts';
import { type ElectionConnections, readConnections } from './connection-secrets.ts';
import type { RawElection } from './election-informer.ts';
import type { KubeClients } from './kube-clients.ts';
import type { LoadJobs } from './loader/load-jobs.ts';
import { claimName, NameTaken } from './name-claims.ts';
import { FetchedSource } from './sources/open-source.ts';
import { unavailablePorts } from './unavailable-ports.ts';

export interface ElectorateCount {
  processed: number;
  unique: number;
  duplicates: number;
  errors: number;
}

/** An Election's ports, for one reconciliation after the other. */
export interface OpenPorts {
  ports: Ports;
  /** How far a load has come that is going on now, or has yet to begin; undefined if there is none. */
  progress(): Promise<ElectorateCount | undefined>;
  /** To be called when the reconciliation is over. */
  release(): void;
}

/** Where the controller gets an Election's ports from. */
export interface PortsSource {
  /** `all`: every Election that there is. Never rejects for what a person must mend: such ports say so themselves. */
  open(election: Election, raw: RawElection, all: readonly RawElection[]): Promise<OpenPorts>;
  /** The Election is no more. */
  forget(uid: string): Promise<void>;
  /** Nothing can be opened afterwards, nor by what is opening now. */
  close(): Promise<void>;
}

interface Kept {
  version: string;
  ports: ServerPorts;
  source: FetchedSource;
}

/** Connections to the servers that the Elections' Secrets name, kept from one reconciliation to the next. */
export class ElectionPorts implements PortsSource {
  readonly #clients: KubeClients;
  readonly #jobs: LoadJobs | undefined;
  readonly #log: Log;
  readonly #observerOf: ((electionId: string) => PortsObserver) | undefined;
  readonly #kept = new Map<string, Kept>();
  #closed = false;

  /** Without `jobs` the operator loads every electorate itself, and none from a volume. */
  constructor(
    clients: KubeClients,
    jobs: LoadJobs | undefined,
    log: Log,
    observerOf?: (electionId: string) => PortsObserver,
  ) {
    this.#clients = clients;
    this.#jobs = jobs;
    this.#log = log;
    this.#observerOf = observerOf;
  }

  async open(election: Election, raw: RawElection, all: readonly RawElection[]): Promise<OpenPorts> {
    const { uid, deletionTimestamp } = raw.metadata;
    try {
      const connections = await readConnections(this.#clients.core, election);
      await claimName(raw, connections.addresses, all, (other) => this.#addressesOf(other));
      return this.#opened(await this.#keep(election, uid, connections));
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      // What is at its servers is the other's by now, also if it was this one's when they were connected to.
      const theirs = error instanceof NameTaken && error.certain;
      const kept = theirs ? undefined : this.#kept.get(uid);
      // A namespace that is being deleted may lose its Secrets before its Elections: what is known still serves.
      if (kept && deletionTimestamp !== undefined) return this.#opened(kept);
      await this.#drop(uid);
      return { ports: unavailablePorts(error), progress: async () => undefined, release: () => {} };
    }
  }

  #opened({ ports, source }: Kept): OpenPorts {
    return {
      ports: this.#jobs ? withJobs(ports, this.#jobs) : ports,
      progress: async () => {
        const { state, processed, eligible, errors } = await ports.electorateState();
        if (state === 'ready') return undefined;
        return { processed, unique: eligible, duplicates: Math.max(0, processed - eligible), errors };
      },
      release: () => source.close(),
    };
  }

  async forget(uid: string): Promise<void> {
    await this.#drop(uid);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#kept.keys()].map((uid) => this.#drop(uid)));
  }

  /** Another Election's servers, from its Secrets; undefined if they can't be told now. */
  async #addressesOf(other: RawElection): Promise<ServerAddresses | undefined> {
    try {
      const election = parseElection({ ...other, status: undefined });
      return (await readConnections(this.#clients.core, election)).addresses;
    } catch (error) {
      if (error instanceof StepError || error instanceof ElectionError) return undefined;
      throw error;
    }
  }

  async #keep(election: Election, uid: string, connections: ElectionConnections): Promise<Kept> {
    const before = this.#kept.get(uid);
    if (before?.version === connections.version) return before;
    await this.#drop(uid);
    // What a look that was late had begun to open would stay open for good.
    if (this.#closed) throw new Error('the connections are closed');
    const source = new FetchedSource(this.#clients.core);
    const { name, namespace } = election.metadata;
    const ports = serverPorts({
      electionId: name,
      addresses: connections.addresses,
      pepper: connections.pepper,
      openSource: (wanted, signal) => source.open(wanted, signal),
      observer: this.#observerOf?.(name),
      log: this.#log.child({ election: `${namespace}/${name}` }),
    });
    const kept = { version: connections.version, ports, source };
    this.#kept.set(uid, kept);
    return kept;
  }

  async #drop(uid: string): Promise<void> {
    const kept = this.#kept.get(uid);
    this.#kept.delete(uid);
    kept?.source.close();
    await kept?.ports.close();
  }
}

/** What is read by a Job: a volume, and what may be large. */
const byJob = ({ spec }: Election): boolean => {
  const { persistentVolumeClaim, http, s3 } = spec.electorate.source;
  return Boolean(persistentVolumeClaim ?? http ?? s3);
};

/** Ports whose large electorates are loaded by Jobs. */
function withJobs(ports: ServerPorts, jobs: LoadJobs): Ports {
  const { electorate, ledger } = ports;
  /** What the election opened with; undefined before that, when any source may be taken. */
  const fixedDigest = async ({ spec }: Election): Promise<string | undefined> => {
    if (ports.now() < Date.parse(spec.opensAt)) return undefined;
    return (await ledger.published())?.election.electorateDigest;
  };
  return {
    ...ports,
    electorate: {
      ...electorate,
      sourceDigest: async (election, signal) => {
        if (!byJob(election)) return electorate.sourceDigest(election, signal);
        const last = await jobs.lastResult(election).catch(() => undefined);
        // Only a Job can tell; until one has, an opened election's source is taken to be what it was.
        return last?.digest ?? (await fixedDigest(election)) ?? hash('sha256', 'not read yet');
      },
      endOtherLoads: (election) =>
        jobs.endOther(election, {
          byJob: byJob(election),
          revoke: (except) => ports.loadGrants.revoke(except),
        }),
      load: async (election, options) => {
        if (!byJob(election)) return electorate.load(election, options);
        const expectedDigest = await fixedDigest(election);
        const { digest, ...counts } = await jobs.run(election, {
          expectedDigest,
          signal: options.signal,
          grant: (owner) => ports.loadGrants.give(owner, election.spec.electorate.shards),
        });
        const { layout } = await ports.electorateState();
        if (!layout)
          throw new StepError('ElectorateLost', 'Redis has lost the electorate again; it is put back');
        return { ...counts, source: digest, layout };
      },
    },
  };
}
