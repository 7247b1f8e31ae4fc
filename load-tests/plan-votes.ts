import { randomInt } from 'node:crypto';
import { CHOICES, type Choice } from '@scrutin/shared/choice.ts';
import { luhnCheckDigit } from '@scrutin/shared/nas.ts';

export interface Elector {
  nas: string;
  code: string;
}

/**
 * What becomes of a vote. `repeat`: the same elector, law and choice again; `change`: the same elector and
 * law, the other choice, to be sent after the first was counted.
 */
export type VoteKind = 'valid' | 'repeat' | 'change' | 'ineligible' | 'malformed';

export interface PlannedVote {
  kind: VoteKind;
  lawId: string;
  choice: Choice;
  /** The body to send; for `malformed` not even JSON, or JSON with a faulty member. */
  body: string;
  /** Index of the elector in the given list; absent for `ineligible` and `malformed`. */
  elector?: number;
}

export interface PlanOptions {
  electors: readonly Elector[];
  laws: readonly string[];
  /** Votes of kind `valid`. Electors vote on the laws in turn; at most electors × laws. */
  valid: number;
  /** Shares of `valid`. Repeats and changes are for different votes, so that each is a voter's only one. */
  repeats?: number;
  changes?: number;
  ineligible?: number;
  malformed?: number;
}

/** Votes to cast, in a random order; the changes apart, since they must come after the rest was counted. */
export function planVotes(options: PlanOptions): { votes: PlannedVote[]; changes: PlannedVote[] } {
  const { electors, laws, valid } = options;
  if (valid > electors.length * laws.length) throw new RangeError('more votes than electors × laws');
  const share = (part = 0) => Math.round(valid * part);
  const votes: PlannedVote[] = [];
  for (let i = 0; i < valid; i++) {
    const elector = Math.floor(i / laws.length);
    votes.push(vote('valid', electors[elector]!, laws[i % laws.length]!, CHOICES[randomInt(2)]!, elector));
  }
  const [repeats, changes] = [share(options.repeats), share(options.changes)];
  const first = shuffled([...votes]).slice(0, repeats + changes);
  const again = (kind: VoteKind, { elector, lawId, choice }: PlannedVote) =>
    vote(kind, electors[elector!]!, lawId, kind === 'change' ? other(choice) : choice, elector);
  votes.push(...first.slice(0, repeats).map((planned) => again('repeat', planned)));
  const known = new Set(electors.map(({ nas, code }) => nas + code));
  for (let i = 0; i < share(options.ineligible); i++)
    votes.push(vote('ineligible', stranger(known), pick(laws), CHOICES[randomInt(2)]!));
  for (let i = 0; i < share(options.malformed); i++) votes.push(malformed(i, pick(electors), pick(laws)));
  return { votes: shuffled(votes), changes: first.slice(repeats).map((planned) => again('change', planned)) };
}

/** Counts per law and choice of what must be counted: the valid votes. */
export function expectedCounts(votes: readonly PlannedVote[]): Record<string, Record<Choice, number>> {
  const counts: Record<string, Record<Choice, number>> = {};
  for (const { kind, lawId, choice } of votes) {
    if (kind !== 'valid') continue;
    counts[lawId] ??= { oui: 0, non: 0 };
    counts[lawId][choice]++;
  }
  return counts;
}

const other = (choice: Choice): Choice => (choice === 'oui' ? 'non' : 'oui');
const pick = <T>(items: readonly T[]): T => items[randomInt(items.length)]!;

function vote(
  kind: VoteKind,
  { nas, code }: Elector,
  lawId: string,
  choice: Choice,
  elector?: number,
): PlannedVote {
  const body = JSON.stringify({ nas, code, law_id: lawId, vote: choice });
  return { kind, lawId, choice, body, ...(elector !== undefined && { elector }) };
}

/** Somebody whose NAS and code have the right form and are on no roll. */
function stranger(known: ReadonlySet<string>): Elector {
  for (;;) {
    const eight = String(randomInt(1e8)).padStart(8, '0');
    const nas = eight + luhnCheckDigit(eight);
    const code = randomInt(36 ** 6)
      .toString(36)
      .padStart(6, '0')
      .toUpperCase();
    if (!known.has(nas + code)) return { nas, code };
  }
}

function malformed(i: number, { nas, code }: Elector, lawId: string): PlannedVote {
  const good = { nas, code, law_id: lawId, vote: 'oui' };
  const bodies: unknown[] = [
    { ...good, nas: nas.slice(1) },
    { ...good, nas: Number(nas) },
    { ...good, code: 'ÀÉ' },
    { ...good, vote: 'peut-être' },
    { ...good, vote: undefined },
    { ...good, law_id: '../etc' },
    [good],
    null,
  ];
  const body =
    i % (bodies.length + 1) === bodies.length ? '{"nas": ' : JSON.stringify(bodies[i % (bodies.length + 1)]);
  return { kind: 'malformed', lawId, choice: 'oui', body };
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
