import { beforeEach, expect, it } from '@jest/globals';
import { CLOSES_AT, OPENS_AT } from './testing/election.ts';
import { HOUR, OperatorUnderTest } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;
beforeEach(() => {
  operator = new OperatorUnderTest();
});

it('asks to be looked at when it opens, when it closes, and every second while it drains', async () => {
  const looks = [];
  for (const now of [OPENS_AT - 5, OPENS_AT + 5, CLOSES_AT]) {
    operator.servers.now = now;
    looks.push((await operator.reconcile()).requeueAfterMs);
  }
  expect(looks).toEqual([5, CLOSES_AT - OPENS_AT - 5, 1_000]);
  operator.servers.now = CLOSES_AT + HOUR;
  expect((await operator.reconcile()).requeueAfterMs).toBeUndefined();
});

it('never asks for a longer pause than a timer can wait', async () => {
  operator.servers.now = OPENS_AT - 400 * 24 * HOUR;
  expect((await operator.reconcile()).requeueAfterMs).toBe(2 ** 31 - 1);
});

it('is not hurried by votes that wait with it for a person', async () => {
  operator = await OperatorUnderTest.afterClosing();
  const { ledger } = operator.servers;
  operator.servers.ledger = { ...ledger, document: undefined };
  const lost = await operator.reconcile();
  expect(lost.failure).toMatchObject({ reason: 'LedgerLost', lasting: true });
  expect([lost.status.phase, lost.requeueAfterMs]).toEqual(['Draining', undefined]);
  operator.servers.ledger = ledger;
  operator.servers.fail('broker.ping');
  const away = await operator.reconcile();
  expect(away.failure?.lasting).toBe(false);
  expect([away.status.phase, away.requeueAfterMs]).toEqual(['Draining', 1_000]);
});
