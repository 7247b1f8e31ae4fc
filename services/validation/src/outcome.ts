import type { DecidedVote, PendingVote } from '@scrutin/shared/vote-message.ts';

export type Decision = 'validated' | 'duplicate' | 'invalid';

/**
 * The vote as it goes on to the tally. What is not counted loses its choice, and what was never a voter's
 * loses its hash too (P5); client data stays with duplicate attempts only.
 */
export function toDecidedVote(vote: PendingVote, decision: Decision): DecidedVote {
  const { ballot_id, law_id, timestamp } = vote;
  switch (decision) {
    case 'validated': {
      const { voter, vote: choice, ip, user_agent } = vote;
      // The tally may still find out that this is a duplicate (a lost Redis, P2), hence the client data.
      const client = { ...(ip !== undefined && { ip }), ...(user_agent !== undefined && { user_agent }) };
      return {
        status: 'validated',
        ballot_id,
        voter,
        law_id,
        vote: choice,
        timestamp,
        duplicate_count: 0,
        ...client,
      };
    }
    case 'duplicate': {
      const { voter, ip, user_agent } = vote;
      const client = { ...(ip !== undefined && { ip }), ...(user_agent !== undefined && { user_agent }) };
      return { status: 'duplicate', ballot_id, voter, law_id, timestamp, duplicate_count: 1, ...client };
    }
    case 'invalid':
      return { status: 'invalid', ballot_id, law_id, timestamp, duplicate_count: 0 };
  }
}

/** `items` in slices of at most `size`. */
export function* slices<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
