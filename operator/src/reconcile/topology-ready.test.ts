import { expect, it } from '@jest/globals';
import { OperatorUnderTest } from './testing/operator-under-test.ts';

it('tells a repaired topology apart from a new one', async () => {
  const operator = await OperatorUnderTest.open();
  operator.servers.broker.made.delete('aggregation_queue');
  const { events } = await operator.reconcile();
  expect(events).toEqual([{ type: 'Warning', reason: 'TopologyRepaired', message: 'aggregation_queue' }]);
});

it('tells it apart also after a look during which RabbitMQ was away', async () => {
  const operator = await OperatorUnderTest.open();
  operator.servers.broker.made.clear();
  operator.servers.fail('broker.ensureTopology');
  await operator.reconcile();
  expect(operator.condition('TopologyReady')?.status).toBe('False');
  operator.servers.heal();
  const { events } = await operator.reconcile();
  expect(events.map(({ reason }) => reason)).toContain('TopologyRepaired');
});
