import { beforeEach, expect, it } from '@jest/globals';
import { StepError } from './conditions.ts';
import { OperatorUnderTest } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;
beforeEach(() => {
  operator = new OperatorUnderTest();
});

it('names every server that is away', async () => {
  operator.servers.beforeCall = (call) => {
    if (call.endsWith('.ping')) throw new StepError('Unreachable', `${call} does not answer`);
  };
  await operator.reconcile();
  expect(operator.condition('ConnectionsReady')?.message).toBe(
    'electorate.ping does not answer; broker.ping does not answer; ledger.ping does not answer',
  );
});

it('waits for a person only if none of the servers may come back by itself', async () => {
  const denied = new StepError('AccessDenied', 'wrong password', { lasting: true });
  operator.servers.fail('broker.ping', denied);
  expect((await operator.reconcile()).failure).toMatchObject({ reason: 'AccessDenied', lasting: true });
  expect(operator.status?.phase).toBe('Failed');
  operator.servers.beforeCall = (call) => {
    if (call === 'broker.ping') throw denied;
    if (call === 'ledger.ping') throw new StepError('Unreachable', 'no answer');
  };
  expect((await operator.reconcile()).failure?.lasting).toBe(false);
});
