import { beforeEach, describe, expect, it } from '@jest/globals';
import { removeElection } from './remove-election.ts';
import { testElection } from './testing/election.ts';
import { OperatorUnderTest } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;
beforeEach(async () => {
  operator = await OperatorUnderTest.afterClosing();
});

describe('deleting an Election', () => {
  const remove = (reclaimPolicy: 'Retain' | 'Delete') =>
    removeElection(testElection({ reclaimPolicy }), operator.servers.ports());

  it('keeps its data unless the spec says otherwise', async () => {
    await remove('Retain');
    expect(operator.servers.calls).toEqual([]);
  });

  it('removes queues, electorate and tally, each also if another fails, and may be repeated', async () => {
    operator.servers.fail('broker.remove');
    await expect(remove('Delete')).rejects.toThrow('broker.remove failed');
    expect(operator.servers.writes.sort()).toEqual(['electorate.remove', 'ledger.remove']);
    operator.servers.heal();
    await remove('Delete');
    await remove('Delete');
    expect(operator.servers.writes).toContain('broker.remove');
  });
});
