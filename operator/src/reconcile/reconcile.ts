import type { PublishedElection } from '@scrutin/shared/election.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import {
  type ConditionType,
  type Election,
  type ElectionStatus,
  type Phase,
  toPublished,
} from '../election-resource.ts';
import { checkSpec } from './check-spec.ts';
import { closeElection } from './close-election.ts';
import { Conditions, StepError } from './conditions.ts';
import type { ElectorateProgress, Ports } from './ports.ts';
import { checkExpected, type PreparedElectorate, prepareElectorate } from './prepare-electorate.ts';
import { turnoutOf } from './turnout.ts';

export interface ReconcileOptions {
  /** Ends a long load; what was loaded is kept. */
  signal?: AbortSignal;
  onProgress?: (progress: ElectorateProgress) => void;
  /** Compare the electorate with its source: at a process's first look, and when the spec has changed. */
  verifySource?: boolean;
  /** Milliseconds after closesAt in which votes may still arrive. */
  closingGraceMs?: number;
}

export interface ElectionEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface Reconciled {
  status: ElectionStatus;
  /** What a person may want to know of, in order. */
  events: ElectionEvent[];
  /** Look again after so many milliseconds at the latest; absent if only the resync is needed. */
  requeueAfterMs?: number;
  /** A step failed; another try may help, and `lasting` says that it is not likely to. */
  failure?: StepError;
}

/** How soon an election that is draining is looked at again. Milliseconds. */
const DRAINING_PAUSE_MS = 1_000;
/** setTimeout's own limit; the resync comes long before. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

/**
 * Brings everything that an Election needs into the state that its spec asks for, and says what it found.
 * Knows nothing of Kubernetes. Every step may be repeated, and be cut off anywhere (P7); what fails becomes
 * a condition that says what to do, and the steps after it wait for the next time. Never rejects.
 */
export async function reconcile(
  election: Election,
  ports: Ports,
  previous: Partial<ElectionStatus> | undefined,
  options: ReconcileOptions = {},
): Promise<Reconciled> {
  const run = new Reconciliation(election, ports, previous, options);
  return run.finish(await run.steps());
}

class Reconciliation {
  readonly #election: Election;
  readonly #ports: Ports;
  readonly #previous: Partial<ElectionStatus>;
  readonly #options: ReconcileOptions;
  readonly #conditions: Conditions;
  readonly #events: ElectionEvent[] = [];
  readonly #now: number;
  #electorate: ElectionStatus['electorate'];
  #published: PublishedElection | undefined;
  #tally: Pick<ElectionStatus, 'votes' | 'turnout' | 'results' | 'digest' | 'closedAt'> = {};
  #phase: Phase;

  constructor(
    election: Election,
    ports: Ports,
    previous: Partial<ElectionStatus> | undefined,
    options: ReconcileOptions,
  ) {
    this.#election = election;
    this.#ports = ports;
    this.#previous = previous ?? {};
    this.#options = options;
    this.#now = ports.now();
    this.#conditions = new Conditions(
      this.#previous.conditions ?? [],
      this.#now,
      election.metadata.generation,
    );
    this.#electorate = this.#previous.electorate;
    this.#phase = this.#previous.phase ?? 'Pending';
    const { votes, turnout, results, digest, closedAt } = this.#previous;
    this.#tally = {
      ...(votes !== undefined && { votes }),
      ...(turnout !== undefined && { turnout }),
      ...(results && { results }),
      ...(digest !== undefined && { digest }),
      ...(closedAt !== undefined && { closedAt }),
    };
  }

  /** The steps in order, up to the first that fails. */
  async steps(): Promise<StepError | undefined> {
    try {
      await this.#step('ConnectionsReady', 'Unreachable', async () => {
        const { broker, electorate, ledger } = this.#ports;
        await Promise.all([broker.ping(), electorate.ping(), ledger.ping()]);
        return 'Redis, RabbitMQ and PostgreSQL answer';
      });
      await this.#step('SchemaReady', 'MigrationFailed', () => this.#schema());
      await this.#step('SpecAccepted', 'Invalid', async () => {
        checkSpec(this.#election, this.#published, this.#now);
        return 'The spec can be carried out';
      });
      if (await this.#alreadyClosed()) return undefined;
      await this.#step('TopologyReady', 'TopologyFailed', () => this.#topology());
      await this.#step('ElectorateLoaded', 'LoadFailed', () => this.#loadElectorate());
      await this.#step('Ready', 'NotReady', () => this.#proceed());
      return undefined;
    } catch (error) {
      if (error instanceof StepError) return error;
      throw error;
    }
  }

  /** The status and what to do next, whether or not a step failed. */
  finish(failure: StepError | undefined): Reconciled {
    if (failure) {
      this.#conditions.set('Ready', 'False', failure.reason, failure.message);
      this.#phase = this.#phaseOfFailure(failure);
    }
    if (this.#phase !== this.#previous.phase)
      this.#tell('Normal', this.#phase, `${this.#previous.phase ?? 'New'} → ${this.#phase}`);
    const { generation } = this.#election.metadata;
    const requeueAfterMs = this.#nextLook();
    return {
      status: {
        ...(generation !== undefined && { observedGeneration: generation }),
        phase: this.#phase,
        conditions: this.#conditions.list(),
        ...(this.#electorate && { electorate: this.#electorate }),
        ...this.#tally,
      },
      events: this.#events,
      ...(requeueAfterMs !== undefined && { requeueAfterMs }),
      ...(failure && { failure }),
    };
  }

  async #step(type: ConditionType, reason: string, work: () => Promise<string>): Promise<void> {
    try {
      const message = await work();
      // Ready's own step says more than that it was done.
      if (type !== 'Ready') this.#conditions.set(type, 'True', 'Done', message);
    } catch (error) {
      const failure =
        error instanceof StepError
          ? error
          : new StepError(reason, (error as Error).message, { cause: error });
      const before = (this.#previous.conditions ?? []).find((condition) => condition.type === type);
      if (before?.status !== 'False' || before.message !== failure.message)
        this.#tell('Warning', failure.reason, failure.message);
      this.#conditions.set(type, 'False', failure.reason, failure.message);
      throw failure;
    }
  }

  async #schema(): Promise<string> {
    const applied = await this.#ports.ledger.migrate();
    if (applied.length > 0) this.#tell('Normal', 'SchemaUpdated', `Applied ${applied.join(', ')}`);
    this.#published = (await this.#ports.ledger.published())?.election;
    return 'The schema is up to date';
  }

  async #topology(): Promise<string> {
    const made = await this.#ports.broker.ensureTopology(this.#election.metadata.name);
    if (made.length > 0) {
      const repaired = this.#conditions.isTrue('TopologyReady');
      this.#tell(
        repaired ? 'Warning' : 'Normal',
        repaired ? 'TopologyRepaired' : 'TopologyMade',
        made.join('; '),
      );
    }
    return 'Exchange, queues, bindings and policies are there';
  }

  async #loadElectorate(): Promise<string> {
    const before = this.#previous.electorate;
    const begunAt = this.#ports.now();
    const prepared = await prepareElectorate(this.#election, this.#ports, {
      before,
      fixed: this.#published !== undefined && this.#now >= Date.parse(this.#published.opensAt),
      verifySource: this.#options.verifySource ?? false,
      signal: this.#options.signal,
      onProgress: this.#options.onProgress,
    });
    const { processed, unique, duplicates, errors, source } = prepared;
    this.#electorate = { ...(source !== undefined && { source }), processed, unique, duplicates, errors };
    if (prepared.loaded) this.#tellLoaded(prepared, before !== undefined, this.#ports.now() - begunAt);
    checkExpected(this.#election, prepared);
    await this.#publish(prepared);
    return `${unique} voters${errors > 0 ? `; ${errors} lines of the source could not be read` : ''}`;
  }

  #tellLoaded(prepared: PreparedElectorate, again: boolean, ms: number): void {
    const { unique, duplicates, errors, samples } = prepared;
    const counts = `${unique} voters, ${duplicates} duplicates, ${errors} bad lines in ${(ms / 1000).toFixed(1)} s`;
    const repaired = again && this.#conditions.isTrue('ElectorateLoaded');
    this.#tell(
      repaired ? 'Warning' : 'Normal',
      repaired ? 'ElectorateRepaired' : 'ElectorateLoaded',
      repaired ? `The electorate was not whole in Redis and was put back: ${counts}` : counts,
    );
    if (errors > 0) this.#tell('Warning', 'ElectorateDamaged', samples.slice(0, 3).join('; '));
  }

  /** Tells the stages: results by PostgreSQL first, so that the tally has the laws before a vote can come. */
  async #publish({ unique, layout }: PreparedElectorate): Promise<void> {
    const { electorate, ledger } = this.#ports;
    const document = toPublished(this.#election, unique, layout);
    this.#published = document;
    await ledger.publishElection(document, this.#phaseByClock(document));
    const text = JSON.stringify(document);
    const told = await electorate.published().catch(() => undefined);
    if (JSON.stringify(told) !== text) await electorate.publish(document);
  }

  async #proceed(): Promise<string> {
    const published = this.#published!;
    const counts = await this.#ports.ledger.counts();
    this.#countVotes(published, counts);
    if (this.#now < Date.parse(published.closesAt)) {
      this.#phase = this.#phaseByClock(published);
      const suspended = published.suspended;
      const message = suspended
        ? 'Prepared; voting is suspended by spec.suspend'
        : this.#phase === 'Open'
          ? `Votes are taken until ${published.closesAt}`
          : `Prepared; votes are taken from ${published.opensAt} on`;
      this.#conditions.set('Ready', 'True', suspended ? 'Suspended' : this.#phase, message);
      return message;
    }
    const closing = await closeElection(published, this.#ports, this.#options.closingGraceMs);
    if (closing.state === 'draining') {
      this.#phase = 'Draining';
      this.#conditions.set('Ready', 'True', 'Draining', closing.message);
      return closing.message;
    }
    await this.#ports.ledger.publishElection(published, 'Closed');
    return this.#setClosed(published, counts, closing);
  }

  /** After the result is final nothing is loaded, made or counted any more. */
  async #alreadyClosed(): Promise<boolean> {
    const { ledger } = this.#ports;
    const final = this.#published && (await this.#askLedger(() => ledger.closed()));
    if (!final) return false;
    const published = this.#published!;
    const counts = await this.#askLedger(() => ledger.counts());
    // Closed between the two writes of the last time: finish the second.
    await this.#askLedger(() => ledger.publishElection(published, 'Closed'));
    this.#countVotes(published, counts);
    this.#setClosed(published, counts, final);
    return true;
  }

  /** A question to the ledger that has no condition of its own. */
  async #askLedger<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new StepError('LedgerUnavailable', (error as Error).message, { cause: error });
    }
  }

  #setClosed(
    published: PublishedElection,
    counts: readonly { lawId: string; oui: number; non: number; total: number }[],
    { digest, at }: { digest: string; at: Date },
  ): string {
    const laws = new Set(published.laws.map(({ id }) => id));
    this.#phase = 'Closed';
    this.#tally.results = counts
      .filter(({ lawId }) => laws.has(lawId))
      .map(({ lawId, oui, non, total }) => ({ lawId, oui, non, total }));
    this.#tally.digest = digest;
    this.#tally.closedAt = timestamp(at.getTime());
    const message = `The result is final; its SHA-256 is ${digest}`;
    this.#conditions.set('Ready', 'True', 'Closed', message);
    return message;
  }

  #countVotes(published: PublishedElection, counts: readonly { lawId: string; total: number }[]): void {
    const votes = counts.reduce((sum, { total }) => sum + total, 0);
    this.#tally.votes = votes;
    this.#tally.turnout = turnoutOf(votes, published.eligible * published.laws.length);
  }

  #phaseByClock({ opensAt, closesAt }: PublishedElection): Phase {
    if (this.#now < Date.parse(opensAt)) return 'Scheduled';
    return this.#now < Date.parse(closesAt) ? 'Open' : 'Draining';
  }

  /**
   * An election that has been opened goes by the clock whatever fails; before that it is being prepared, or
   * waits for a person.
   */
  #phaseOfFailure(failure: StepError): Phase {
    const { phase } = this.#previous;
    if (phase === 'Closed') return 'Closed';
    if (failure.reason === 'TallyInconsistent') return 'Failed';
    if (this.#published && phase !== 'Preparing' && phase !== 'Pending' && phase !== 'Failed')
      return this.#phaseByClock(this.#published);
    if (phase === 'Open' || phase === 'Draining' || phase === 'Scheduled') return phase;
    if (failure.lasting) return 'Failed';
    return this.#conditions.isTrue('ConnectionsReady') ? 'Preparing' : 'Pending';
  }

  #nextLook(): number | undefined {
    if (this.#phase === 'Closed') return undefined;
    if (this.#phase === 'Draining') return DRAINING_PAUSE_MS;
    const { opensAt, closesAt } = this.#election.spec;
    const pauses = [opensAt, closesAt].map((at) => Date.parse(at) - this.#now).filter((ms) => ms > 0);
    const next = Math.min(...pauses);
    return Number.isFinite(next) ? Math.min(next, LONGEST_PAUSE_MS) : undefined;
  }

  #tell(type: ElectionEvent['type'], reason: string, message: string): void {
    this.#events.push({ type, reason, message });
  }
}
