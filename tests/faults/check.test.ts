import { beforeEach, describe, expect, it } from '@jest/globals';
import { check, type EndState } from './check.ts';
import { type Attempt, type Ballot, type History, outcomeOf } from './history.ts';

let history: History;
let end: EndState;
let voters: number;

beforeEach(() => {
  voters = 0;
  history = { attempts: [], statuses: [], counts: [] };
  end = {
    audit: [],
    participation: [],
    attempts: [],
    tally: [{ lawId: 'loi-1', oui: 0, non: 0, total: 0 }],
    invariants: [],
    results: [{ lawId: 'loi-1', oui: 0, non: 0, total: 0 }],
    statuses: new Map(),
    review: [],
    lostPoison: [],
  };
});

const newVoter = () => (++voters).toString(16).padStart(64, '0');

function ballot(change: Partial<Ballot> = {}): Ballot {
  const id = `ballot-${history.attempts.length}`;
  const voter = change.voter ?? newVoter();
  return { kind: 'eligible', voter, lawId: 'loi-1', key: id, ballotId: id, choices: ['oui'], ...change };
}

function answered(
  of: Ballot,
  outcome: Attempt['outcome'],
  status = { accepted: 202, refused: 503, unknown: 0 }[outcome],
) {
  const requestId = of.ballotId ?? `found-${history.attempts.length}`;
  const accepted = outcome === 'accepted' && { requestId };
  history.attempts.push({ ballot: of, sentAt: 0, answeredAt: 1, outcome, status, code: '', ...accepted });
  return of;
}

/** What an honest system has of a ballot. */
function recorded(
  { ballotId, voter, lawId, choices }: Ballot,
  status: 'aggregated' | 'duplicate' | 'invalid',
) {
  end.audit.push({ ballotId: ballotId ?? 'found-0', lawId, status });
  (end.statuses as Map<string, string>).set(ballotId ?? 'found-0', status);
  if (status === 'duplicate') {
    const known = end.attempts.find((row) => row.voter === voter);
    if (known) known.count++;
    else end.attempts.push({ lawId, voter, count: 1 });
  }
  if (status !== 'aggregated') return;
  end.participation.push({ lawId, voter });
  for (const counts of [end.tally[0]!, end.results[0]!]) {
    counts[choices[0]!]++;
    counts.total++;
  }
}

/** One of each: counted twice sent, duplicate, stranger, refused, two that nobody knows the outcome of. */
function honestRound() {
  const first = answered(ballot(), 'accepted');
  answered(first, 'accepted');
  recorded(first, 'aggregated');
  const second = answered(ballot({ voter: first.voter, choices: ['non'] }), 'accepted');
  recorded(second, 'duplicate');
  recorded(answered(ballot({ kind: 'stranger' }), 'accepted'), 'invalid');
  const refused = answered(ballot(), 'refused');
  const lost = answered(ballot(), 'unknown');
  const arrived = answered(ballot({ choices: ['non'] }), 'unknown');
  recorded(arrived, 'aggregated');
  (end.statuses as Map<string, string>).set(refused.ballotId!, 'pending');
  (end.statuses as Map<string, string>).set(lost.ballotId!, 'pending');
  answered(ballot({ kind: 'malformed', voter: '', ballotId: undefined }), 'refused', 422);
  return { first, second, refused, lost, arrived };
}

it('finds nothing wrong with a round in which all promises were kept', () => {
  honestRound();
  expect(check(history, end)).toEqual([]);
});

describe('finds that', () => {
  it('an accepted ballot was lost', () => {
    honestRound();
    answered(ballot(), 'accepted');
    expect(check(history, end)).toContainEqual(expect.stringMatching(/^accepted and not recorded/));
  });

  it('an accepted ballot was lost that was answered with 503 as well', () => {
    const retried = answered(ballot(), 'refused');
    answered(retried, 'accepted');
    answered(retried, 'unknown');
    expect(check(history, end)).toContainEqual(expect.stringMatching(/^accepted and not recorded/));
  });

  it('a refused ballot was counted', () => {
    const { refused } = honestRound();
    recorded(refused, 'aggregated');
    expect(check(history, end)).toEqual([expect.stringMatching(/^refused and recorded as aggregated/)]);
  });

  it('a voter was counted twice', () => {
    const { second, first } = honestRound();
    end.audit.find(({ ballotId }) => ballotId === second.ballotId)!.status = 'aggregated';
    (end.statuses as Map<string, string>).set(second.ballotId!, 'aggregated');
    end.attempts = [];
    for (const counts of [end.tally[0]!, end.results[0]!]) {
      counts.non++;
      counts.total++;
    }
    expect(check(history, end)).toContain(`counted 2 times: loi-1/${first.voter.slice(0, 8)}`);
  });

  it('a vote was counted with the other choice', () => {
    honestRound();
    for (const counts of [end.tally[0]!, end.results[0]!]) {
      counts.oui--;
      counts.non++;
    }
    expect(check(history, end)).toEqual([
      'loi-1: 0 oui in the tally instead of 1 to 1',
      'loi-1: 2 non in the tally instead of 1 to 1',
    ]);
  });

  it('a retry was taken for a second attempt', () => {
    const { first } = honestRound();
    end.attempts.find(({ voter }) => voter === first.voter)!.count++;
    expect(check(history, end)).toContainEqual(
      expect.stringMatching(/^2 duplicate attempts instead of 1 to 1/),
    );
  });

  it('a duplicate attempt was forgotten', () => {
    honestRound();
    end.attempts = [];
    expect(check(history, end)).toContainEqual(
      expect.stringMatching(/^0 duplicate attempts instead of 1 to 1/),
    );
  });

  it('a ballot is called a duplicate although the voter has no other', () => {
    recorded(answered(ballot(), 'accepted'), 'duplicate');
    expect(check(history, end)).toContainEqual(expect.stringMatching(/^duplicates, but nothing is counted/));
  });

  it('an elector was called ineligible, and somebody on no roll was counted', () => {
    recorded(answered(ballot(), 'accepted'), 'invalid');
    recorded(answered(ballot({ kind: 'stranger' }), 'accepted'), 'aggregated');
    const problems = check(history, end);
    expect(problems).toContainEqual(expect.stringMatching(/^the ballot of an elector is invalid/));
    expect(problems).toContainEqual(expect.stringMatching(/^somebody on no roll takes part/));
  });

  it('the tally, participation and the results contradict each other', () => {
    honestRound();
    end.participation.pop();
    end.results[0]!.oui++;
    const problems = check(history, end);
    expect(problems).toContain('loi-1: 2 votes in the tally, 1 take part');
    expect(problems).toContain('loi-1: the results API tells other counts than the tally holds');
    expect(problems).toContainEqual(expect.stringMatching(/^counted without taking part/));
  });

  it('a status is not what the ledger holds', () => {
    const { first } = honestRound();
    (end.statuses as Map<string, string>).set(first.ballotId!, 'pending');
    expect(check(history, end)).toEqual([
      expect.stringMatching(/^the API says pending, the ledger aggregated/),
    ]);
  });

  it('somebody who never voted takes part', () => {
    honestRound();
    recorded(ballot({ ballotId: 'forged' }), 'aggregated');
    const problems = check(history, end);
    expect(problems).toContainEqual(expect.stringMatching(/^takes part and never voted/));
    expect(problems).toContain('1 ballots are recorded that no client knows; at most 0 can be');
  });

  it('a counted ballot was not counted before or after', () => {
    const { first } = honestRound();
    history.statuses.push({ at: 1, ballotId: first.ballotId!, status: 'aggregated' });
    history.statuses.push({ at: 2, ballotId: first.ballotId!, status: 'duplicate' });
    expect(check(history, end)).toEqual([expect.stringMatching(/^was counted and then duplicate/)]);
  });

  it('counts that were shown went down', () => {
    honestRound();
    history.counts.push({ at: 1, lawId: 'loi-1', oui: 2, non: 0 }, { at: 2, lawId: 'loi-1', oui: 1, non: 1 });
    expect(check(history, end)).toEqual(['loi-1: the results API took votes back']);
  });

  it('a malformed vote was accepted, and a good one refused for what it says', () => {
    answered(ballot({ kind: 'malformed', voter: '', ballotId: undefined }), 'accepted');
    answered(ballot(), 'refused', 422);
    const problems = check(history, end);
    expect(problems).toContain('a malformed vote was accepted');
    expect(problems).toContainEqual(expect.stringMatching(/^a well-formed vote was refused with 422/));
  });

  it('one Idempotency-Key became two ballots', () => {
    const { first } = honestRound();
    history.attempts[1]!.requestId = 'another';
    expect(first.ballotId).not.toBe('another');
    expect(check(history, end)).toContainEqual(expect.stringMatching(/^a retry under the same/));
  });

  it('review holds a vote, or the ledger finds a fault in itself', () => {
    end.review.push('{"votes": []}');
    end.invariants.push('loi-1: 1 participants, but 2 votes in the tally');
    end.lostPoison.push('poison-1');
    expect(check(history, end)).toHaveLength(3);
  });
});

describe('a ballot without a key whose connection broke', () => {
  const nameless = () => answered(ballot({ key: undefined, ballotId: undefined }), 'unknown');

  it('may be counted or not', () => {
    nameless();
    expect(check(history, end)).toEqual([]);
    recorded(history.attempts[0]!.ballot, 'aggregated');
    end.statuses = new Map();
    expect(check(history, end)).toEqual([]);
  });

  it('may be a duplicate of the voter’s other one', () => {
    const first = answered(ballot(), 'accepted');
    recorded(first, 'aggregated');
    const second = answered(ballot({ voter: first.voter, key: undefined, ballotId: undefined }), 'unknown');
    recorded(second, 'duplicate');
    (end.statuses as Map<string, string>).delete('found-0');
    expect(check(history, end)).toEqual([]);
  });

  it('can’t be counted twice', () => {
    const { voter } = nameless();
    recorded(history.attempts[0]!.ballot, 'aggregated');
    end.audit.push({ ballotId: 'found-1', lawId: 'loi-1', status: 'duplicate' });
    end.attempts.push({ lawId: 'loi-1', voter, count: 1 });
    end.statuses = new Map();
    expect(check(history, end)).toContain('2 ballots are recorded that no client knows; at most 1 can be');
  });
});

it('takes a 503 for a refusal only where it says that nothing was recorded', () => {
  expect(outcomeOf(202, {})).toBe('accepted');
  expect(outcomeOf(422, { code: 'invalid-submission' })).toBe('refused');
  expect(outcomeOf(503, { code: 'overloaded', detail: 'Try again in a moment' })).toBe('refused');
  expect(outcomeOf(503, { code: 'broker-unavailable', detail: 'no confirm in time' })).toBe('unknown');
  expect(outcomeOf(503, { code: 'broker-unavailable', detail: '…; nothing was recorded' })).toBe('refused');
  expect(outcomeOf(500, {})).toBe('unknown');
});
