import { idempotentBallotId } from '@scrutin/shared/ballot-id.ts';
import { CHOICES, type Choice } from '@scrutin/shared/choice.ts';
import { luhnCheckDigit } from '@scrutin/shared/nas.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import type { Elector } from '../../load-tests/plan-votes.ts';
import type { Ballot } from './history.ts';
import type { Random } from './random.ts';

/** A request that a client will make, and go on making. */
export interface Intent {
  ballot: Ballot;
  body: string;
  /** How often it is sent again after an answer that leaves it open. Ballots without a key are sent once. */
  retries: number;
}

export interface Electoral {
  id: string;
  pepper: string;
  electors: readonly Elector[];
  laws: readonly string[];
}

/**
 * What clients of one round send, about `size` requests in a random order: first ballots of electors, with second
 * ones, retries and changes of mind among them, people on no roll, and what can't be read.
 */
export function planWorkload(election: Electoral, size: number, random: Random): Intent[] {
  const pepper = pepperFromHex(election.pepper);
  const intents: Intent[] = [];
  const send = (ballot: Ballot, elector: Elector, choice: Choice) => {
    if (!ballot.choices.includes(choice)) ballot.choices.push(choice);
    const { nas, code } = elector;
    const body = JSON.stringify({ nas, code, law_id: ballot.lawId, vote: choice });
    // Some clients give up at once, so that outcomes stay unknown to them.
    const retries = ballot.key === undefined || random.chance(0.25) ? 0 : random.between(1, 40);
    intents.push({ ballot, body, retries });
  };
  const ballotOf = (elector: Elector, lawId: string, kind: Ballot['kind']): Ballot => {
    const voter = voterHash(electorHash(elector.nas, elector.code), pepper);
    const key = random.chance(0.85) ? `key-${random.int(2 ** 32).toString(36)}-${intents.length}` : undefined;
    const ballotId = key && idempotentBallotId(election.id, pepper, key, voter, lawId);
    return { kind, voter: voter.toString('hex'), lawId, key, ballotId, choices: [] };
  };
  const pairs = random.shuffled(
    election.electors.flatMap((elector) => election.laws.map((lawId) => ({ elector, lawId }))),
  );
  for (let i = 0; intents.length < size && i < pairs.length; i++) {
    const { elector, lawId } = pairs[i]!;
    const choice = random.pick(CHOICES);
    const first = ballotOf(elector, lawId, 'eligible');
    send(first, elector, choice);
    if (random.chance(0.12))
      for (let again = random.between(1, 3); again > 0; again--)
        send(ballotOf(elector, lawId, 'eligible'), elector, random.pick(CHOICES));
    if (first.key !== undefined && random.chance(0.05)) send(first, elector, choice);
    if (first.key !== undefined && random.chance(0.02)) send(first, elector, otherThan(choice));
    if (random.chance(0.03)) {
      const stranger = { nas: makeNas(20_000_000 + i), code: `ZZ${1000 + i}`.slice(0, 6) };
      send(ballotOf(stranger, lawId, 'stranger'), stranger, choice);
    }
    if (random.chance(0.02)) intents.push(malformed(elector, lawId, random));
  }
  return random.shuffled(intents);
}

const otherThan = (choice: Choice): Choice => (choice === 'oui' ? 'non' : 'oui');

/** Electors' NAS begin with 1, see makeElectors of ElectionUnderTest. */
function makeNas(eightDigits: number): string {
  const eight = String(eightDigits);
  return eight + luhnCheckDigit(eight);
}

function malformed({ nas, code }: Elector, lawId: string, random: Random): Intent {
  const good = { nas, code, law_id: lawId, vote: 'oui' };
  const body = random.pick([
    JSON.stringify({ ...good, nas: nas.slice(1) }),
    JSON.stringify({ ...good, code: 'ÀÉ' }),
    JSON.stringify({ ...good, vote: 'peut-être' }),
    JSON.stringify([good]),
    '{"nas": ',
    'null',
  ]);
  const ballot: Ballot = {
    kind: 'malformed',
    voter: '',
    lawId,
    key: undefined,
    ballotId: undefined,
    choices: [],
  };
  return { ballot, body, retries: 0 };
}
