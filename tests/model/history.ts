import type { Choice } from '@scrutin/shared/choice.ts';
import { LAWS, PEOPLE, STRANGER } from './electorate-of-model.ts';
import type { LedgerTables } from './ledger-tables.ts';

/** What a voter sends. */
export interface Submission {
  person: number;
  law: number;
  choice: Choice;
  /** Sent with this Idempotency-Key, and sent again until there is an answer. */
  key?: number | undefined;
}

interface KnownBallot {
  submission: Submission;
  /** Its client has a 202. */
  accepted: boolean;
  /** PostgreSQL refuses it for what it carries. */
  refused: boolean;
}

const RANK: Readonly<Record<string, number>> = { invalid: 0, duplicate: 1, aggregated: 2 };

/** The checker's own record of what was sent and answered, and what must be true of the ledger for it. */
export class History {
  readonly ballots = new Map<string, KnownBallot>();
  #before = new Map<string, string>();

  sent(ballotId: string, submission: Submission, refused: boolean): void {
    const known = this.ballots.get(ballotId);
    this.ballots.set(ballotId, known ?? { submission, accepted: false, refused });
  }

  accepted(ballotId: string): void {
    this.ballots.get(ballotId)!.accepted = true;
  }

  /** What is wrong with committed tables, at any moment. */
  *alwaysWrong(tables: LedgerTables): Generator<string> {
    const audit = tables.audit.committed;
    const parts = new Map<string, { counted: number; duplicates: number }>();
    const sums = new Map(LAWS.map((law) => [law as string, { oui: 0, non: 0 }]));
    for (const [id, { status, law_id }] of audit) {
      const ballot = this.ballots.get(id);
      if (!ballot) {
        yield `ballot ${id} was never sent`;
        continue;
      }
      const { person, law, choice } = ballot.submission;
      const before = this.#before.get(id);
      if (before && RANK[status]! < RANK[before]!) yield `ballot ${id} fell from ${before} to ${status}`;
      if (law_id !== LAWS[law]) yield `ballot ${id} is recorded on ${law_id}`;
      if ((status === 'invalid') !== (person === STRANGER))
        yield `ballot ${id} of person ${person} is ${status}`;
      if (ballot.refused) yield `ballot ${id} is ${status}, which the server refuses`;
      const key = partOf(ballot.submission);
      const part = parts.get(key) ?? { counted: 0, duplicates: 0 };
      parts.set(key, part);
      if (status === 'duplicate') part.duplicates++;
      if (status !== 'aggregated') continue;
      part.counted++;
      sums.get(law_id)![choice]++;
    }
    this.#before = new Map([...audit].map(([id, { status }]) => [id, status]));
    yield* this.#wrongParts(tables, parts);
    for (const [law, { oui, non }] of tables.results.committed) {
      const sum = sums.get(law)!;
      if (sum.oui !== oui || sum.non !== non)
        yield `${law}: the tally says ${oui}/${non}, the counted ballots are ${sum.oui}/${sum.non}`;
    }
    yield* wrongTotals(tables);
  }

  *#wrongParts(
    tables: LedgerTables,
    parts: ReadonlyMap<string, { counted: number; duplicates: number }>,
  ): Generator<string> {
    const participants = tables.participation.committed;
    for (const key of participants.keys())
      if (parts.get(key)?.counted !== 1)
        yield `${key} took part with ${parts.get(key)?.counted ?? 0} counted ballots`;
    const attempts = tables.attempts.committed;
    for (const [key, { counted, duplicates }] of parts) {
      if (counted > 1) yield `${key} is counted ${counted} times`;
      if (counted === 1 && !participants.has(key)) yield `${key} is counted and did not take part`;
      if ((attempts.get(key)?.count ?? 0) !== duplicates)
        yield `${key} has ${attempts.get(key)?.count ?? 0} attempts, and ${duplicates} duplicate ballots`;
    }
    for (const [key, { count }] of attempts) {
      const cast = [...this.ballots.values()].filter(({ submission }) => partOf(submission) === key).length;
      if (count >= cast) yield `${key} has ${count} duplicate attempts with ${cast} ballots`;
    }
  }

  /** What is wrong when everything has come to rest. */
  *finallyWrong(tables: LedgerTables, inReview: ReadonlySet<string>): Generator<string> {
    const audit = tables.audit.committed;
    const parts = Map.groupBy(this.ballots, ([, { submission }]) => partOf(submission));
    for (const [id, { accepted, refused }] of this.ballots) {
      if (accepted && refused && !inReview.has(id)) yield `ballot ${id} was accepted and is not in review`;
      if (accepted && !refused && !audit.has(id)) yield `ballot ${id} was accepted and is not recorded`;
    }
    for (const [key, ballots] of parts) {
      const statuses = ballots.map(([id]) => audit.get(id)?.status);
      const counted = statuses.filter((status) => status === 'aggregated').length;
      // A voter whose ballot a person has to look at may have to wait with the next one.
      const waits = ballots.some(([, { refused }]) => refused);
      if (statuses.includes('duplicate') && counted !== 1 && !waits)
        yield `${key} has a duplicate of nothing counted`;
    }
  }
}

/** One person's part in a vote on a law, as the tables' key says it. */
export const partOf = ({ person, law }: Submission): string =>
  `${LAWS[law]} ${PEOPLE[person]!.voter.toString('hex')}`;

function* wrongTotals(tables: LedgerTables): Generator<string> {
  const statuses = [...tables.audit.committed.values()].map(({ status }) => status);
  const truth = {
    ballots_recorded: statuses.length,
    votes_counted: statuses.filter((status) => status === 'aggregated').length,
    votes_duplicate: statuses.filter((status) => status === 'duplicate').length,
    votes_invalid: statuses.filter((status) => status === 'invalid').length,
  };
  for (const [name, value] of Object.entries(truth))
    if (tables.totals.committed.get(name) !== value)
      yield `${name} is ${tables.totals.committed.get(name)}, and should be ${value}`;
}
