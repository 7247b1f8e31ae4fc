import { beforeEach, describe, expect, it } from '@jest/globals';
import { resultDigest, resultDocument } from '@scrutin/shared/result-document.ts';
import { CLOSES_AT, testElection } from './testing/election.ts';
import { emptyRedis, type FakeVote } from './testing/fake-servers.ts';
import { HOUR, OperatorUnderTest, OTHER_SOURCE } from './testing/operator-under-test.ts';

const vote: FakeVote = { voter: 'ana', law: 'loi-1', choice: 'oui' };
let operator: OperatorUnderTest;
beforeEach(async () => {
  operator = await OperatorUnderTest.afterClosing();
});
const ready = () => operator.condition('Ready');

describe('an election that has closed', () => {
  it.each(['validation_queue', 'aggregation_queue'] as const)('waits for a vote in %s', async (queue) => {
    operator.servers.broker.queues[queue].push(vote);
    const { status, requeueAfterMs, failure } = await operator.reconcile();
    expect(failure).toBeUndefined();
    expect(status.phase).toBe('Draining');
    expect(requeueAfterMs).toBe(1_000);
    expect(ready()).toMatchObject({ status: 'True', reason: 'Draining' });
    operator.servers.validate();
    operator.servers.aggregate();
    expect((await operator.reconcile()).status).toMatchObject({ phase: 'Closed', votes: 1 });
  });

  it('waits until a person has looked at what was set aside', async () => {
    operator.servers.broker.queues.review_queue.push(vote);
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Draining');
    expect(ready()?.message).toContain('1 messages were set aside in review_queue; replay or discard them');
    operator.servers.broker.queues.review_queue.pop();
    expect((await operator.reconcile()).status.phase).toBe('Closed');
  });

  it('waits for what may still be on its way to the broker', async () => {
    operator.servers.now = CLOSES_AT + 4_200;
    await operator.reconcile();
    expect(ready()?.message).toBe('Votes under way may arrive for 6 s more');
    await operator.reconcile({ closingGraceMs: 4_200 });
    expect(operator.status?.phase).toBe('Closed');
  });

  it('publishes results whose digest anybody can make again', async () => {
    operator.servers.ledger.votes = [vote, { ...vote, voter: 'bob', choice: 'non' }];
    const { status, events } = await operator.reconcile();
    const results = [
      { lawId: 'loi-1', oui: 1, non: 1, total: 2 },
      { lawId: 'loi-2', oui: 0, non: 0, total: 0 },
    ];
    const digest = resultDigest(resultDocument(operator.servers.ledger.document!, 3, results, true));
    expect(status).toMatchObject({ phase: 'Closed', results, digest, votes: 2, turnout: '33.33%' });
    expect(Date.parse(status.closedAt!)).toBe(CLOSES_AT + HOUR);
    expect(operator.servers.ledger).toMatchObject({ closed: { digest }, phase: 'Closed' });
    expect(events).toEqual([{ type: 'Normal', reason: 'Closed', message: 'Open → Closed' }]);
  });

  it('has no result for a law that was taken out before the opening', async () => {
    operator = new OperatorUnderTest();
    const [first] = operator.election.spec.laws;
    await operator.reconcile();
    operator.election = testElection({ laws: [first!] });
    await operator.reconcile();
    operator.servers.now = CLOSES_AT + HOUR;
    expect((await operator.reconcile()).status).toMatchObject({
      phase: 'Closed',
      results: [{ lawId: 'loi-1', oui: 0, non: 0, total: 0 }],
    });
  });

  it('declares nothing final when the tally does not add up', async () => {
    operator.servers.ledger.problems = ['loi-1: 2 participants, but 1 votes in the tally'];
    const { status, failure } = await operator.reconcile();
    expect(status.phase).toBe('Failed');
    expect(failure).toMatchObject({ reason: 'TallyInconsistent', lasting: true });
    expect(failure?.message).toContain('2 participants, but 1 votes in the tally');
    expect(operator.servers.ledger.closed).toBeUndefined();
    operator.forget();
    expect((await operator.reconcile()).status.phase).toBe('Failed');
    expect(operator.events).toEqual([]);
    operator.servers.ledger.problems = [];
    expect((await operator.reconcile()).status.phase).toBe('Closed');
  });

  it.each(['ledger.close', 'ledger.publishElection', 'ledger.counts'])(
    'closes once if %s is cut off',
    async (call) => {
      operator.servers.ledger.votes = [vote];
      await operator.reconcile({ closingGraceMs: 2 * HOUR });
      operator.servers.afterCall = (name) => {
        if (name === call) throw new Error('the connection is gone');
      };
      await operator.reconcile();
      expect(operator.status?.phase).toBe('Draining');
      operator.servers.heal();
      operator.servers.now += 1_000;
      await operator.reconcile();
      expect(operator.status?.phase).toBe('Closed');
      expect(operator.status?.digest).toBe(operator.servers.ledger.closed?.digest);
      expect(operator.servers.ledger.phase).toBe('Closed');
      expect(operator.servers.writes.filter((write) => write === 'ledger.close')).toHaveLength(1);
    },
  );

  it.each(['broker.depths', 'broker.isDrained', 'ledger.invariants', 'ledger.close'])(
    'goes on draining while %s fails',
    async (call) => {
      operator.servers.fail(call);
      expect((await operator.reconcile()).status.phase).toBe('Draining');
      expect(ready()).toMatchObject({ status: 'False', reason: 'NotReady', message: `${call} failed` });
      operator.servers.heal();
      expect((await operator.reconcile()).status.phase).toBe('Closed');
    },
  );

  it('is left alone once the result is final, whatever becomes of the rest', async () => {
    await operator.reconcile();
    const { status } = operator;
    operator.forget();
    operator.servers.redis = emptyRedis();
    operator.servers.broker.made.clear();
    operator.servers.source = OTHER_SOURCE;
    operator.servers.broker.queues.review_queue.push(vote);
    await operator.reconcile({ verifySource: true });
    expect(operator.status).toEqual(status);
    expect(operator.servers.writes).toEqual([]);
    operator.election = testElection({ closesAt: new Date(CLOSES_AT + 9 * HOUR).toISOString() });
    const { failure } = await operator.reconcile({ verifySource: true });
    expect(failure).toBeUndefined();
    expect(operator.status).toMatchObject({ phase: 'Closed', digest: status?.digest });
    expect(operator.condition('SpecAccepted')).toMatchObject({
      status: 'False',
      reason: 'FixedAfterOpening',
    });
    expect(operator.servers.writes).toEqual([]);
  });

  it('stays Closed while a server is away', async () => {
    await operator.reconcile();
    operator.servers.fail('broker.ping');
    expect((await operator.reconcile()).status.phase).toBe('Closed');
  });
});
