import { type Elector, type PlannedVote, planVotes } from '../../../load-tests/plan-votes.ts';
import { type CastVote, castVotes } from '../../support/cast-votes.ts';
import type { InstalledElection } from './installed-election.ts';

/** Electors by their place on the roll, the last one not among them. */
export interface Some {
  from: number;
  to: number;
}

/** The votes that are cast in an election, and what became of each. */
export class Ballots {
  readonly votes: PlannedVote[] = [];
  readonly history: CastVote[] = [];
  readonly #election: InstalledElection;

  constructor(election: InstalledElection) {
    this.#election = election;
  }

  get electors(): readonly Elector[] {
    return this.#election.electors;
  }

  /** A vote on each law for each of these electors, in a random order, with a share of them cast again. */
  plan({ from, to }: Some, repeats = 0): PlannedVote[] {
    const { electors, laws } = this.#election;
    const some = electors.slice(from, to);
    const { votes } = planVotes({ electors: some, laws, valid: some.length * laws.length, repeats });
    return votes.map((vote) => ({ ...vote, elector: from + vote.elector! }));
  }

  /** Casts for each of these electors. */
  async cast(some: Some): Promise<void> {
    await this.#cast(this.plan(some));
  }

  /** Casts for electors of another election, who are on no roll of this one. */
  async castOf(strangers: readonly Elector[]): Promise<void> {
    const { laws } = this.#election;
    const { votes } = planVotes({ electors: strangers, laws, valid: strangers.length });
    await this.#cast(votes.map(({ elector: _, ...vote }) => ({ ...vote, kind: 'ineligible' })));
  }

  /** Takes down what became of a vote that was cast elsewhere. */
  add(vote: PlannedVote, seen: Omit<CastVote, 'vote'>): void {
    this.addAll([{ vote, ...seen }]);
  }

  addAll(seen: readonly CastVote[]): void {
    this.votes.push(...seen.map(({ vote }) => vote));
    this.history.push(...seen);
  }

  async #cast(votes: readonly PlannedVote[]): Promise<void> {
    this.addAll(await castVotes(this.#election.ingestionUrl, votes, { lanes: 16 }));
  }
}
