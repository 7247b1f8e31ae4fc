import { describe, expect, it } from '@jest/globals';
import { newBallotId } from '@scrutin/shared/ballot-id.ts';
import { decidedVoteSchema, type PendingVote } from '@scrutin/shared/vote-message.ts';
import { type Decision, slices, toDecidedVote } from './outcome.ts';

const vote: PendingVote = {
  ballot_id: newBallotId('demo'),
  voter: 'ab'.repeat(32),
  law_id: 'loi-1',
  vote: 'non',
  timestamp: '2026-01-01T00:00:00.000Z',
  status: 'pending',
  duplicate_count: 0,
  ip: '192.0.2.1',
  user_agent: 'a browser',
};

describe('a decided vote', () => {
  it.each<Decision>(['validated', 'duplicate', 'invalid'])(
    'that is %s fits the message’s schema',
    (decision) => {
      const { ip: _ip, user_agent: _agent, ...anonymous } = vote;
      for (const pending of [vote, anonymous]) {
        const decided = toDecidedVote(pending, decision);
        expect(decidedVoteSchema.parse(decided)).toEqual(decided);
        expect(decided).toMatchObject({ status: decision, ballot_id: vote.ballot_id, law_id: 'loi-1' });
      }
    },
  );

  it('keeps its choice only if it is to be counted (P5)', () => {
    expect(toDecidedVote(vote, 'validated')).toHaveProperty('vote', 'non');
    for (const decision of ['duplicate', 'invalid'] as const)
      expect(toDecidedVote(vote, decision)).not.toHaveProperty('vote');
  });

  it('keeps neither voter nor client if it is invalid', () => {
    const text = JSON.stringify(toDecidedVote(vote, 'invalid'));
    for (const gone of [vote.voter, '192.0.2.1', 'a browser']) expect(text).not.toContain(gone);
  });

  it('counts as one attempt if it is a duplicate, with the client that it came from', () => {
    expect(toDecidedVote(vote, 'duplicate')).toMatchObject({
      duplicate_count: 1,
      voter: vote.voter,
      ip: '192.0.2.1',
      user_agent: 'a browser',
    });
  });
});

it('slices hold every item once, in order, and no more than the size', () => {
  const items = Array.from({ length: 300 }, (_, i) => i);
  const cut = [...slices(items, 128)];
  expect(cut.map((slice) => slice.length)).toEqual([128, 128, 44]);
  expect(cut.flat()).toEqual(items);
  expect([...slices([], 128)]).toEqual([]);
});
