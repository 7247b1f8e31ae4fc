import { expect, it } from '@jest/globals';
import type { FakeVote } from './testing/fake-servers.ts';
import { OperatorUnderTest } from './testing/operator-under-test.ts';

const vote: FakeVote = { voter: 'ana', law: 'loi-1', choice: 'oui' };

it('a final result is not replaced by that of an older backup', async () => {
  const operator = await OperatorUnderTest.afterClosing();
  const { servers } = operator;
  const backup = structuredClone(servers.ledger);
  servers.ledger.votes = [vote];
  await operator.reconcile();
  const { digest, results } = operator.status!;
  servers.ledger = { ...backup, identity: 'ledger-restored' };
  await operator.reconcile();
  const { failure, status } = await operator.reconcile();
  expect(failure).toMatchObject({ reason: 'ResultDiffers', lasting: true });
  expect(servers.ledger.closed).toBeUndefined();
  expect(status).toMatchObject({ digest, results });
});
