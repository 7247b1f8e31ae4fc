import { beforeEach, describe, expect, it } from '@jest/globals';
import { CLOSES_AT, OPENS_AT, testElection } from './testing/election.ts';
import { HOUR, OperatorUnderTest } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;

describe('the fixed parts of the spec', () => {
  const [first, second] = testElection().spec.laws;
  const later = new Date(CLOSES_AT + HOUR).toISOString();
  const past = new Date(OPENS_AT + 60_000).toISOString();
  beforeEach(async () => {
    operator = await OperatorUnderTest.open();
  });

  it.each([
    ['a law less', { laws: [first!] }, /put back loi-1, loi-2/],
    ['a law more', { laws: [first!, second!, { ...first!, id: 'loi-3' }] }, /put back loi-1, loi-2/],
    [
      'an opening to come',
      { opensAt: new Date(OPENS_AT + 2 * HOUR).toISOString() },
      /put back 2026-05-04T08:00/,
    ],
    ['a closing that is past', { closesAt: past }, /put back 2026-05-04T20:00/],
  ])('%s is refused while people vote, and the rest is kept up', async (_, spec, message) => {
    operator.election = testElection({ ...spec, suspend: true });
    operator.servers.broker.made.delete('review_queue');
    const { failure, status } = await operator.reconcile();
    expect(failure).toMatchObject({ reason: 'FixedAfterOpening', lasting: true });
    expect(failure?.message).toMatch(message);
    expect(status.phase).toBe('Open');
    expect(operator.condition('SpecAccepted')).toMatchObject({
      status: 'False',
      reason: 'FixedAfterOpening',
    });
    expect(operator.servers.redis.document).toMatchObject({
      laws: [{ id: 'loi-1' }, { id: 'loi-2' }],
      opensAt: new Date(OPENS_AT).toISOString(),
      closesAt: new Date(CLOSES_AT).toISOString(),
      suspended: true,
    });
    expect(operator.servers.broker.made).toContain('review_queue');
    const since = operator.condition('Ready')?.lastTransitionTime;
    operator.forget().servers.now += 1_000;
    await operator.reconcile();
    expect(operator.events).toEqual([]);
    expect(operator.condition('Ready')).toMatchObject({ status: 'False', lastTransitionTime: since });
  });

  it('lets a law’s title be mended and the closing be put off while people vote', async () => {
    const title = { fr: 'Mieux', en: 'Better' };
    operator.election = testElection({ laws: [{ ...first!, title }, second!], closesAt: later });
    expect((await operator.reconcile()).failure).toBeUndefined();
    expect(operator.servers.redis.document).toMatchObject({ closesAt: later, laws: [{ title }, {}] });
  });

  it('refuses another closing after it, and waits with the result until it is put back', async () => {
    operator.servers.now = CLOSES_AT + 1;
    await operator.reconcile();
    operator.election = testElection({ closesAt: later });
    operator.servers.now = CLOSES_AT + HOUR / 2;
    expect((await operator.reconcile()).status.phase).toBe('Draining');
    expect(operator.servers.ledger.closed).toBeUndefined();
    operator.election = testElection();
    expect((await operator.reconcile()).status.phase).toBe('Closed');
  });
});
