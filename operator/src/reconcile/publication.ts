import type { PublishedElection } from '@scrutin/shared/election.ts';
import { type Election, type Phase, toPublished } from '../election-resource.ts';
import { hasOpened, isPrepared, phaseByClock } from './phase.ts';
import type { Ports } from './ports.ts';

/** What the stages are told of the election: in PostgreSQL for results, in Redis for ingestion and validation. */
export class Publication {
  readonly #ports: Pick<Ports, 'electorate' | 'ledger' | 'now'>;
  #current: PublishedElection | undefined;

  constructor(ports: Pick<Ports, 'electorate' | 'ledger' | 'now'>) {
    this.#ports = ports;
  }

  /** As PostgreSQL has it; undefined before {@link read}, and before the election was prepared for the first time. */
  get current(): PublishedElection | undefined {
    return this.#current;
  }

  get hasOpened(): boolean {
    return hasOpened(this.#current, this.#ports.now());
  }

  async read(): Promise<void> {
    this.#current = (await this.#ports.ledger.published())?.election;
  }

  /** PostgreSQL comes first, so that the tally has the laws before a vote can come. */
  async publish(
    document: PublishedElection,
    phase: Phase = phaseByClock(document, this.#ports.now()),
  ): Promise<void> {
    const { electorate, ledger } = this.#ports;
    await ledger.publishElection(document, phase);
    this.#current = document;
    // What can't be read is written anew.
    const told = await electorate.published().catch(() => undefined);
    if (JSON.stringify(told) !== JSON.stringify(document)) await electorate.publish(document);
  }

  /**
   * Tells what has changed in the spec before anything else is looked at: suspending must not wait for a broker
   * or an electorate that is being repaired.
   */
  async publishAgain(election: Election): Promise<void> {
    const before = this.#current;
    if (!before || !isPrepared(before)) return;
    await this.publish(toPublished(election, before.eligible, before.layout, before.electorateDigest));
  }

  /**
   * Takes back that the election is prepared, and is `phase` now. Not after it has opened: then it goes on with the voters it
   * has.
   */
  async withhold(phase: 'Preparing' | 'Failed'): Promise<void> {
    const before = this.#current;
    if (!before || !isPrepared(before) || this.hasOpened) return;
    const { electorateDigest: _, ...rest } = before;
    await this.publish({ ...rest, eligible: 0, suspended: true }, phase);
  }
}
