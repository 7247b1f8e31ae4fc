import { describe, expect, it } from '@jest/globals';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { OPENS_AT } from './testing/election.ts';
import { FakeServers, type FakeVote } from './testing/fake-servers.ts';
import { HOUR, OperatorUnderTest, SOURCE } from './testing/operator-under-test.ts';

const vote = (voter: string): FakeVote => ({ voter, law: 'loi-1', choice: 'oui' });

/** Casts and counts a vote of each. */
function count(servers: FakeServers, ...voters: string[]): void {
  for (const voter of voters) {
    servers.accept(vote(voter));
    servers.validate();
    servers.aggregate();
  }
}

/** Ana's vote is counted; Bob's has its mark, and was lost with the queues. */
async function withLostQueues(): Promise<OperatorUnderTest> {
  const operator = await OperatorUnderTest.open();
  const { servers } = operator;
  count(servers, 'ana');
  servers.accept(vote('bob'));
  servers.validate();
  servers.broker.made.clear();
  servers.broker.queues[QUEUES.aggregation] = [];
  return operator;
}

/** PostgreSQL with nothing in it, as a new one is. */
const emptyLedger = () => new FakeServers(0, SOURCE).ledger;

/** What a backup brings back: the ledger as it was, under another identity. */
const backupOf = ({ ledger }: FakeServers): FakeServers['ledger'] => ({
  ...structuredClone(ledger),
  identity: 'ledger-restored',
});

describe('an open election whose ledger is gone', () => {
  it.each([
    ['its status is known', true],
    ['only Redis tells that it had opened', false],
  ])('gets no empty one in its place, and says what to do: %s', async (_what, statusKept) => {
    const operator = await OperatorUnderTest.open();
    count(operator.servers, 'ana');
    operator.servers.ledger = emptyLedger();
    if (!statusKept) operator.status = undefined;
    const { failure } = await operator.reconcile({ verifySource: true });
    expect(failure).toMatchObject({ reason: 'LedgerLost', lasting: true });
    expect(operator.condition('Ready')?.message).toMatch(/restore-db/);
    expect(operator.servers.ledger.migrated).toBe(false);
    expect(operator.servers.writes).toEqual([]);
  });

  it('and whose Redis is gone too is known by its status', async () => {
    const operator = await OperatorUnderTest.open();
    operator.servers.ledger = emptyLedger();
    operator.servers.redis.document = undefined;
    expect((await operator.reconcile()).failure?.reason).toBe('LedgerLost');
  });

  it('is never declared final', async () => {
    const operator = await OperatorUnderTest.afterClosing();
    operator.servers.ledger = emptyLedger();
    expect((await operator.reconcile()).status.phase).toBe('Draining');
    expect(operator.servers.ledger.closed).toBeUndefined();
  });
});

describe('a voter whose vote was lost', () => {
  it('after the backup can vote again once the ledger is restored; the others can’t', async () => {
    const operator = await OperatorUnderTest.open();
    const { servers } = operator;
    count(servers, 'ana');
    const backup = backupOf(servers);
    count(servers, 'bob');
    servers.ledger = backup;
    await operator.reconcile();
    expect(operator.events).toEqual(['MarksRebuilt']);
    expect(operator.last?.events[0]?.message).toMatch(/of 2 marks of voters 1 are in the tally/);
    expect([...servers.redis.marks]).toEqual(['loi-1/ana']);
    count(servers, 'ana', 'bob');
    expect(servers.ledger.votes.map(({ voter }) => voter)).toEqual(['ana', 'bob']);
    await operator.reconcile();
    expect(operator.events).toEqual(['MarksRebuilt']);
  });

  it('with the queues can vote again once they are made anew', async () => {
    const operator = await withLostQueues();
    const { servers } = operator;
    await operator.reconcile();
    expect(operator.events).toEqual(['TopologyRepaired', 'MarksRebuilt']);
    expect([...servers.redis.marks]).toEqual(['loi-1/ana']);
  });

  it.each([
    'electorate.doubtMarks',
    `broker.make ${QUEUES.validation}`,
    `broker.make ${QUEUES.review}`,
    'broker.ensureTopology',
    'electorate.followLedger',
  ])('with the queues is not forgotten when the operator ends after %s', async (last) => {
    const operator = await withLostQueues();
    const { servers } = operator;
    let ended = false;
    servers.beforeCall = () => {
      if (ended) throw new Error('gone');
    };
    servers.afterCall = (call) => {
      ended ||= call === last;
      if (ended) throw new Error('gone');
    };
    await operator.reconcile();
    expect(ended).toBe(true);
    servers.heal();
    operator.status = undefined;
    await operator.reconcile();
    expect([...servers.redis.marks]).toEqual(['loi-1/ana']);
  });

  it('is not forgotten when the operator is cut off in between', async () => {
    const operator = await OperatorUnderTest.open();
    const { servers } = operator;
    count(servers, 'ana');
    servers.ledger.participation.clear();
    servers.broker.made.clear();
    servers.fail('electorate.followLedger');
    expect((await operator.reconcile()).failure?.reason).toBe('MarksFailed');
    servers.heal();
    operator.status = undefined;
    await operator.reconcile();
    expect(servers.redis.marks.size).toBe(0);
  });
});

it('an election that has not opened may lose its database, and gets another', async () => {
  const operator = new OperatorUnderTest();
  await operator.reconcile({ verifySource: true });
  operator.servers.ledger = { ...emptyLedger(), identity: 'ledger-2' };
  operator.servers.now = OPENS_AT - HOUR / 2;
  expect((await operator.reconcile()).failure).toBeUndefined();
  expect(operator.servers.ledger.document?.eligible).toBe(SOURCE.voters.length);
  expect(operator.events).not.toContain('MarksRebuilt');
});
