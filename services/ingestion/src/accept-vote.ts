import { idempotentBallotId, newBallotId } from '@scrutin/shared/ballot-id.ts';
import { electionWindow, type PublishedElection } from '@scrutin/shared/election.ts';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { checkSubmission, type FieldProblem } from '@scrutin/shared/submission.ts';
import { timestamp } from '@scrutin/shared/timestamp.ts';
import type { PendingVote } from '@scrutin/shared/vote-message.ts';
import { electorHash, type Pepper, voterHash } from '@scrutin/shared/voter-hash.ts';

/** A submission that breaks the rules, with the members that do and never their values (P4). */
export class InvalidSubmission extends ScrutinError {
  readonly problems: readonly FieldProblem[];

  constructor(problems: readonly FieldProblem[]) {
    const named = problems.map(({ field, message }) =>
      field ? `${field} ${message}` : `the body ${message}`,
    );
    super('invalid-submission', named.join('; '));
    this.problems = problems;
  }
}

/** Visible ASCII, at most 255 characters: draft-ietf-httpapi-idempotency-key-header, kept small. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Throws unless a vote that arrives at `now` is taken. The clock of this process decides, not the operator. */
export function requireOpen(election: PublishedElection | undefined, now: number): asserts election {
  if (!election)
    throw new ScrutinError('not-ready', 'The election has not been prepared yet', { retryAfter: 2 });
  switch (electionWindow(election, now)) {
    case 'open':
      return;
    case 'notYetOpen': {
      const seconds = (Date.parse(election.opensAt) - now) / 1000;
      throw new ScrutinError('not-open', `Votes are taken from ${election.opensAt} on`, {
        retryAfter: Math.min(3_600, seconds),
      });
    }
    case 'closed':
      throw new ScrutinError('closed', `Votes were taken until ${election.closesAt}`);
    case 'suspended':
      throw new ScrutinError('suspended', 'Voting is suspended; nothing was recorded', { retryAfter: 30 });
  }
}

export interface Arrival {
  /** The decoded JSON body. */
  body: unknown;
  idempotencyKey?: string | undefined;
  /** Asked only if the election records clients. */
  client: () => { ip: string | undefined; userAgent: string | undefined };
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * Turns what arrived into the vote message, the last place where NAS and code exist (P4).
 * Throws a {@link ScrutinError} that says what is wrong.
 */
export function toPendingVote(arrival: Arrival, election: PublishedElection, pepper: Pepper): PendingVote {
  const { body, idempotencyKey, now } = arrival;
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey))
    throw new ScrutinError(
      'bad-idempotency-key',
      'Idempotency-Key must be 1 to 255 visible ASCII characters',
    );
  const checked = checkSubmission(body, { luhn: election.luhn });
  if (!checked.ok) throw new InvalidSubmission(checked.problems);
  const { nas, code, law_id, vote } = checked.submission;
  if (!election.laws.some((law) => law.id === law_id))
    throw new ScrutinError(
      'unknown-law',
      `law_id must be one of: ${election.laws
        .slice(0, 20)
        .map((law) => law.id)
        .join(', ')}`,
    );
  const voter = voterHash(electorHash(nas, code), pepper);
  return {
    ballot_id:
      idempotencyKey === undefined
        ? newBallotId(election.id, now)
        : idempotentBallotId(election.id, pepper, idempotencyKey, voter, law_id),
    voter: voter.toString('hex'),
    law_id,
    vote,
    timestamp: timestamp(now),
    status: 'pending',
    duplicate_count: 0,
    ...(election.recordClients && recordedClient(arrival.client())),
  };
}

const recordedClient = ({ ip, userAgent }: ReturnType<Arrival['client']>) => ({
  ...(ip !== undefined && { ip: ip.slice(0, 45) }),
  ...(userAgent !== undefined && { user_agent: userAgent.slice(0, 256) }),
});
