import type { PublishedElection } from '@scrutin/shared/election.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import {
  type Condition,
  type ConditionType,
  type Election,
  type ElectionStatus,
  type Phase,
  toPublished,
} from '../election-resource.ts';
import { checkSpec, withFixedParts } from './check-spec.ts';
import { closeElection } from './close-election.ts';
import { Conditions, StepError } from './conditions.ts';
import { connectionsReady } from './connections-ready.ts';
import { phaseByClock, phaseOfFailure } from './phase.ts';
import type { ElectorateProgress, Ports } from './ports.ts';
import { checkExpected, type PreparedElectorate, prepareElectorate } from './prepare-electorate.ts';
import { Publication } from './publication.ts';
import { requireLedger } from './require-ledger.ts';
import { resultsOf, turnoutStatus } from './tally-status.ts';

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
  #election: Election;
  readonly #ports: Ports;
  readonly #previous: Partial<ElectionStatus>;
  readonly #options: ReconcileOptions;
  readonly #conditions: Conditions;
  readonly #events: ElectionEvent[] = [];
  #electorate: ElectionStatus['electorate'];
  readonly #publication: Publication;
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
    this.#publication = new Publication(ports);
    this.#conditions = new Conditions(
      this.#previous.conditions ?? [],
      () => ports.now(),
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
      await this.#step('ConnectionsReady', 'Unreachable', () => connectionsReady(this.#ports));
      await this.#step('SchemaReady', 'MigrationFailed', () => this.#schema());
      const rejected = await this.#acceptSpec();
      if (await this.#attempt('Ready', 'LedgerUnavailable', () => this.#alreadyClosed())) return undefined;
      const again = () => this.#publication.publishAgain(this.#election);
      await this.#attempt('Ready', 'PublishFailed', again);
      await this.#step('TopologyReady', 'TopologyFailed', () => this.#topology());
      await this.#prepare();
      await this.#attempt('Ready', 'NotReady', () => this.#proceed(rejected !== undefined));
      return rejected;
    } catch (error) {
      if (error instanceof StepError) return error;
      throw error;
    }
  }

  /** The status and what to do next, whether or not a step failed. */
  finish(failure: StepError | undefined): Reconciled {
    if (failure) {
      this.#conditions.set('Ready', 'False', failure.reason, failure.message);
      this.#phase = phaseOfFailure({
        failure,
        previous: this.#previous.phase,
        published: this.#publication.current,
        spec: this.#election.spec,
        connected: this.#conditions.isTrue('ConnectionsReady'),
        now: this.#now,
      });
    }
    if (this.#phase !== this.#previous.phase) {
      const change = `${this.#previous.phase ?? 'New'} → ${this.#phase}`;
      this.#tell(this.#phase === 'Failed' ? 'Warning' : 'Normal', this.#phase, change);
    }
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

  /** Milliseconds since the epoch. Asked anew each time: a load takes minutes, and the opening may come meanwhile. */
  get #now(): number {
    return this.#ports.now();
  }

  /** A step whose condition is true, with the resulting sentence, once it is done. */
  async #step(type: ConditionType, reason: string, work: () => Promise<string>): Promise<void> {
    this.#conditions.set(type, 'True', 'Done', await this.#attempt(type, reason, work));
  }

  /** Does what may fail; then its condition is false, and tells why. */
  async #attempt<T>(type: ConditionType, reason: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure =
        error instanceof StepError
          ? error
          : new StepError(reason, (error as Error).message, { cause: error });
      const before = this.#before(type);
      const known = before?.status === 'False' && before.message === failure.message;
      // A load that was stopped was stopped by us.
      if (!known && failure.reason !== 'Interrupted') this.#tell('Warning', failure.reason, failure.message);
      this.#conditions.set(type, 'False', failure.reason, failure.message);
      throw failure;
    }
  }

  #before(type: ConditionType): Condition | undefined {
    return this.#previous.conditions?.find((condition) => condition.type === type);
  }

  /**
   * Looks at what may not change any more. If it has, the election is kept up as it was published, but is not
   * declared final until a person has put the spec right: resolves with what is wrong.
   */
  async #acceptSpec(): Promise<StepError | undefined> {
    try {
      await this.#step('SpecAccepted', 'Invalid', async () => {
        checkSpec(this.#election, this.#publication.current, this.#now);
        return 'The spec can be carried out';
      });
      return undefined;
    } catch (error) {
      if (!(error instanceof StepError) || !this.#publication.current) throw error;
      this.#election = withFixedParts(this.#election, this.#publication.current);
      return error;
    }
  }

  async #schema(): Promise<string> {
    await requireLedger(this.#ports, this.#previous.phase);
    const applied = await this.#ports.ledger.migrate();
    if (applied.length > 0) this.#tell('Normal', 'SchemaUpdated', `Applied ${applied.join(', ')}`);
    await this.#publication.read();
    return 'The schema is up to date';
  }

  async #topology(): Promise<string> {
    const made = await this.#ports.broker.ensureTopology(this.#election.metadata.name);
    if (made.length > 0) {
      // Votes may have been lost with the queues, and who cast them must not be kept out.
      if (this.#publication.hasOpened) await this.#ports.electorate.doubtMarks();
      const repaired = this.#conditions.isTrue('TopologyReady');
      this.#tell(
        repaired ? 'Warning' : 'Normal',
        repaired ? 'TopologyRepaired' : 'TopologyMade',
        made.join('; '),
      );
    }
    return 'Exchange, queues, bindings and policies are there';
  }

  /** The electorate's step; what only a person can mend keeps an election closed that has not opened yet. */
  async #prepare(): Promise<void> {
    try {
      await this.#attempt('ElectorateLoaded', 'LoadFailed', () => this.#loadElectorate());
      await this.#attempt('ElectorateLoaded', 'MarksFailed', () => this.#followLedger());
    } catch (error) {
      if (error instanceof StepError && error.lasting)
        await this.#attempt('Ready', 'PublishFailed', () => this.#publication.withhold());
      throw error;
    }
  }

  async #loadElectorate(): Promise<void> {
    const before = this.#previous.electorate;
    const begunAt = this.#now;
    const fixed = this.#publication.hasOpened;
    const prepared = await prepareElectorate(this.#election, this.#ports, {
      known: this.#publication.current?.electorateDigest ?? before?.source,
      fixed,
      verifySource: this.#options.verifySource ?? false,
      signal: this.#options.signal,
      onProgress: this.#options.onProgress,
    });
    const { processed, unique, duplicates, errors, source } = prepared;
    this.#electorate = { ...(source !== undefined && { source }), processed, unique, duplicates, errors };
    if (prepared.loaded)
      this.#tellLoaded(prepared, source !== undefined && before?.source === source, this.#now - begunAt);
    // Who has voted can't be taken back by a number that is changed afterwards.
    if (!fixed) checkExpected(this.#election, prepared);
    await this.#publication.publish(toPublished(this.#election, unique, prepared.layout, source));
    this.#setLoaded(prepared);
  }

  /** The marks are those of this ledger: one that was restored lacks votes, and who cast them can vote again. */
  async #followLedger(): Promise<void> {
    const { electorate, ledger } = this.#ports;
    const rebuilt = await electorate.followLedger(await ledger.identity(), () => ledger.participants());
    if (!rebuilt || rebuilt.before + rebuilt.after === 0) return;
    this.#tell(
      'Warning',
      'MarksRebuilt',
      `PostgreSQL was restored or replaced, or RabbitMQ lost its queues: of ${rebuilt.before} marks of voters ${rebuilt.after} are in the tally and stay; the others can vote again`,
    );
  }

  #setLoaded({ unique, errors, warning }: PreparedElectorate): void {
    const before = this.#before('ElectorateLoaded');
    const stillChanged = warning === undefined && before?.reason === 'SourceChanged' ? before.message : '';
    const counts = `${unique} voters${errors > 0 ? `; ${errors} lines of the source could not be read` : ''}`;
    const message = warning ? `${counts}; if Redis were lost they could not be put back: ${warning}` : counts;
    if (warning && before?.message !== message) this.#tell('Warning', 'SourceChanged', message);
    const reason = warning || stillChanged ? 'SourceChanged' : 'Done';
    this.#conditions.set('ElectorateLoaded', 'True', reason, stillChanged || message);
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

  async #proceed(rejected: boolean): Promise<void> {
    const published = this.#publication.current!;
    this.#tally = { ...this.#tally, ...turnoutStatus(published, await this.#ports.ledger.counts()) };
    this.#phase = phaseByClock(published, this.#now);
    // What a person asks for and can't have may be about the closing: the result waits for them.
    if (rejected) return;
    if (this.#phase !== 'Draining') return this.#setWaiting(published);
    const { closingGraceMs, signal } = this.#options;
    const closing = await closeElection(published, this.#ports, closingGraceMs, signal);
    if (closing.state === 'closed') return this.#setClosed(closing);
    this.#conditions.set('Ready', 'True', 'Draining', closing.message);
  }

  #setWaiting({ suspended, opensAt, closesAt }: PublishedElection): void {
    const message = suspended
      ? 'Prepared; voting is suspended by spec.suspend'
      : this.#phase === 'Open'
        ? `Votes are taken until ${closesAt}`
        : `Prepared; votes are taken from ${opensAt} on`;
    this.#conditions.set('Ready', 'True', suspended ? 'Suspended' : this.#phase, message);
  }

  /** After the result is final nothing is loaded, made or counted any more. */
  async #alreadyClosed(): Promise<boolean> {
    const final = this.#publication.current && (await this.#ports.ledger.closed());
    if (final) await this.#setClosed(final);
    return final !== undefined;
  }

  async #setClosed({ digest, at }: { digest: string; at: Date }): Promise<void> {
    const published = this.#publication.current!;
    // Written down after the digest: if that was cut off the last time, it is made up for here.
    await this.#ports.ledger.publishElection(published, 'Closed');
    const counts = await this.#ports.ledger.counts();
    this.#phase = 'Closed';
    this.#tally = {
      ...turnoutStatus(published, counts),
      results: resultsOf(published, counts),
      digest,
      closedAt: timestamp(at.getTime()),
    };
    this.#conditions.set('Ready', 'True', 'Closed', `The result is final; its SHA-256 is ${digest}`);
  }

  #nextLook(): number | undefined {
    if (this.#phase === 'Closed') return undefined;
    if (this.#phase === 'Draining') return DRAINING_PAUSE_MS;
    const { opensAt, closesAt } = this.#election.spec;
    const now = this.#now;
    const pauses = [opensAt, closesAt].map((at) => Date.parse(at) - now).filter((ms) => ms > 0);
    const next = Math.min(...pauses);
    return Number.isFinite(next) ? Math.min(next, LONGEST_PAUSE_MS) : undefined;
  }

  #tell(type: ElectionEvent['type'], reason: string, message: string): void {
    this.#events.push({ type, reason, message });
  }
}
