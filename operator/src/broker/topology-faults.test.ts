import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLog } from '@scrutin/shared/log.ts';
import { management, until } from '@scrutin/shared/testing/virtual-host.ts';
import { QUEUES, virtualHost } from '@scrutin/shared/topology.ts';
import { RabbitmqAdmin } from './rabbitmq-admin.ts';
import { checkOverview } from './topology-faults.ts';

const admin = new RabbitmqAdmin({
  managementUrl: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  log: createLog({ stage: 'test', level: 'silent' }),
});
let electionId: string;
let vhost: string;
beforeEach(async () => {
  electionId = `t-${randomBytes(6).toString('hex')}`;
  vhost = virtualHost(electionId);
  await admin.ensureTopology(electionId);
});
afterEach(() => admin.remove(electionId));

/** The policy that applies to a queue, which the broker says a moment after it was changed. */
const applies = async (queue: string, policy: string) =>
  until(
    `${policy} applies to ${queue}`,
    async () => {
      const answer = (await management('GET', `/queues/${vhost}/${queue}`)) as { policy?: string };
      return answer.policy === policy;
    },
    30_000,
  );

describe('what somebody else has changed on the broker', () => {
  it('a policy that was turned to exchanges, and so to nothing, is put back', async () => {
    const path = `/policies/${vhost}/${QUEUES.validation}`;
    const found = (await management('GET', path)) as object;
    await management('PUT', path, { ...found, 'apply-to': 'exchanges' });
    expect(await admin.ensureTopology(electionId)).toEqual([`policy of ${QUEUES.validation}`]);
    await applies(QUEUES.validation, QUEUES.validation);
    expect(await admin.ensureTopology(electionId)).toEqual([]);
  });

  it('a policy that takes the place of ours is told, and who made it decides', async () => {
    await management('PUT', `/policies/${vhost}/short`, {
      pattern: '.*',
      'apply-to': 'queues',
      priority: 99,
      definition: { 'max-length': 1 },
    });
    await applies(QUEUES.validation, 'short');
    await expect(admin.ensureTopology(electionId)).rejects.toMatchObject({
      reason: 'PolicyOverridden',
      lasting: true,
      message: expect.stringContaining('policy short'),
    });
    await management('DELETE', `/policies/${vhost}/short`);
    await applies(QUEUES.validation, QUEUES.validation);
    expect(await admin.ensureTopology(electionId)).toEqual([]);
  });

  it('a broker-wide policy of less priority is no concern of ours', async () => {
    await management('PUT', `/policies/${vhost}/all`, {
      pattern: '.*',
      'apply-to': 'all',
      priority: 0,
      definition: { 'max-length': 5 },
    });
    expect(await admin.ensureTopology(electionId)).toEqual([]);
    await applies(QUEUES.aggregation, QUEUES.aggregation);
  });

  it('a queue whose arguments let votes vanish is told, and left as it is', async () => {
    const path = `/queues/${vhost}/${QUEUES.aggregation}`;
    await management('DELETE', path);
    await management('PUT', path, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 3, 'x-delivery-limit': 2 },
    });
    await expect(admin.ensureTopology(electionId)).rejects.toMatchObject({
      reason: 'WrongTopology',
      message: expect.stringMatching(/aggregation_queue.*x-max-length, x-delivery-limit/),
    });
  });

  it('an exchange that goes when its last binding goes is told', async () => {
    const path = `/exchanges/${vhost}/votes`;
    await management('DELETE', path);
    await management('PUT', path, { type: 'topic', durable: true, auto_delete: true });
    await expect(admin.ensureTopology(electionId)).rejects.toMatchObject({
      reason: 'WrongTopology',
      message: expect.stringContaining('an auto-deleted topic exchange'),
    });
  });
});

it('a broker that keeps no statistics is told before an election waits for its empty queues in vain', async () => {
  expect(() => checkOverview({ rabbitmq_version: '4.1.0', disable_stats: true })).toThrow(
    expect.objectContaining({ reason: 'StatisticsDisabled', lasting: true }),
  );
  checkOverview({ rabbitmq_version: '4.1.0', disable_stats: false });
  checkOverview(await management('GET', '/overview'));
});
