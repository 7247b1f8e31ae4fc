import { beforeEach, describe, expect, it } from '@jest/globals';
import { CONDITION_TYPES, electionStatusSchema } from '../election-resource.ts';
import { StepError } from './conditions.ts';
import { CLOSES_AT, OPENS_AT, testElection } from './testing/election.ts';
import { HOUR, OperatorUnderTest } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;
beforeEach(() => {
  operator = new OperatorUnderTest();
});

describe('an election on its way', () => {
  it('is prepared from nothing: schema, queues, electorate, document; and waits for its opening', async () => {
    const { status, events, failure, requeueAfterMs } = await operator.reconcile({ verifySource: true });
    expect(failure).toBeUndefined();
    expect(status.phase).toBe('Scheduled');
    expect(status.conditions.map(({ type, status: is }) => [type, is])).toEqual(
      ['ConnectionsReady', 'SchemaReady', 'SpecAccepted', 'TopologyReady', 'ElectorateLoaded', 'Ready'].map(
        (type) => [type, 'True'],
      ),
    );
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal SchemaUpdated',
      'Normal TopologyMade',
      'Normal ElectorateLoaded',
      'Normal Scheduled',
    ]);
    expect(status.electorate).toEqual({
      source: 'a1'.repeat(32),
      processed: 3,
      unique: 3,
      duplicates: 0,
      errors: 0,
    });
    expect(requeueAfterMs).toBe(HOUR);
    const { redis, ledger, writes } = operator.servers;
    expect(redis).toMatchObject({ ready: true, document: { id: 'test', eligible: 3, suspended: false } });
    expect(ledger.document).toEqual(redis.document);
    // PostgreSQL has the laws before anybody can vote on one.
    expect(writes.indexOf('ledger.publishElection')).toBeLessThan(writes.indexOf('electorate.publish'));
  });

  it('goes through its phases by the clock, and says each once', async () => {
    const phases: unknown[] = [];
    for (const now of [
      OPENS_AT - 1,
      OPENS_AT,
      CLOSES_AT - 1,
      CLOSES_AT,
      CLOSES_AT + 9_999,
      CLOSES_AT + 10_000,
    ]) {
      operator.servers.now = now;
      await operator.reconcile();
      phases.push(operator.status?.phase);
    }
    expect(phases).toEqual(['Scheduled', 'Open', 'Open', 'Draining', 'Draining', 'Closed']);
    const told = operator.events.filter((reason) => phases.includes(reason));
    expect(told).toEqual(['Scheduled', 'Open', 'Draining', 'Closed']);
    expect(electionStatusSchema.safeParse(operator.status).error).toBeUndefined();
  });

  it('writes nothing the second time, in any phase', async () => {
    for (const now of [OPENS_AT - HOUR, OPENS_AT, CLOSES_AT, CLOSES_AT + HOUR]) {
      operator.servers.now = now;
      await operator.reconcile({ verifySource: true });
      const { status } = operator;
      operator.forget();
      await operator.reconcile({ verifySource: true });
      expect(operator.servers.writes).toEqual([]);
      expect(operator.events).toEqual([]);
      expect(operator.status).toEqual(status);
    }
  });

  it('finds everything out anew when its status was lost', async () => {
    for (const now of [OPENS_AT - HOUR, OPENS_AT, CLOSES_AT]) {
      operator.servers.now = now;
      await operator.reconcile();
      const { status } = operator;
      operator.forget().status = undefined;
      await operator.reconcile({ verifySource: true });
      expect(operator.servers.writes).toEqual([]);
      expect(operator.status).toMatchObject({ ...status, conditions: expect.anything() });
    }
  });

  it('uses the clock as it is after a load, not as it was before', async () => {
    operator.servers.now = OPENS_AT - 1_000;
    operator.servers.onLoading = () => {
      operator.servers.now += 1_000;
    };
    const { status, requeueAfterMs } = await operator.reconcile();
    expect(status.phase).toBe('Open');
    expect(requeueAfterMs).toBe(CLOSES_AT - operator.servers.now);
  });

  it('keeps lastTransitionTime until the status of a condition changes', async () => {
    await operator.reconcile();
    const first = operator.condition('TopologyReady')?.lastTransitionTime;
    operator.servers.now += 1_000;
    await operator.reconcile();
    expect(operator.condition('TopologyReady')?.lastTransitionTime).toBe(first);
    operator.servers.now += 1_000;
    operator.servers.fail('broker.ensureTopology');
    await operator.reconcile();
    const failed = operator.condition('TopologyReady')?.lastTransitionTime;
    expect(Date.parse(failed!)).toBe(operator.servers.now);
    operator.servers.now += 1_000;
    operator.servers.fail('broker.ensureTopology', new Error('something else'));
    await operator.reconcile();
    expect(operator.condition('TopologyReady')).toMatchObject({
      lastTransitionTime: failed,
      message: 'something else',
    });
    operator.servers.now += 1_000;
    operator.servers.heal();
    await operator.reconcile();
    expect(Date.parse(operator.condition('TopologyReady')!.lastTransitionTime)).toBe(operator.servers.now);
  });

  it('notes the generation that it has looked at', async () => {
    operator.election = testElection({}, 7);
    await operator.reconcile();
    expect(operator.status?.observedGeneration).toBe(7);
    expect(operator.status?.conditions.every(({ observedGeneration }) => observedGeneration === 7)).toBe(
      true,
    );
  });

  it('is suspended and resumed by its spec, at once and in the document', async () => {
    operator = await OperatorUnderTest.open();
    operator.election = testElection({ suspend: true });
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Open');
    expect(operator.condition('Ready')).toMatchObject({ status: 'True', reason: 'Suspended' });
    expect(operator.servers.redis.document?.suspended).toBe(true);
    operator.election = testElection();
    await operator.reconcile();
    expect(operator.servers.redis.document?.suspended).toBe(false);
    expect(operator.condition('Ready')?.reason).toBe('Open');
  });

  it('counts who has voted while people vote, and shows no choice', async () => {
    operator = await OperatorUnderTest.open();
    operator.servers.ledger.votes = [
      { voter: 'ana', law: 'loi-1', choice: 'oui' },
      { voter: 'bob', law: 'loi-1', choice: 'non' },
    ];
    await operator.reconcile();
    expect(operator.status).toMatchObject({ votes: 2, turnout: '33.33%' });
    expect(operator.status).not.toHaveProperty('results');
  });
});

describe('a step that fails', () => {
  const steps = [
    ['electorate.ping', 'ConnectionsReady', 'Unreachable', 'Pending'],
    ['broker.ping', 'ConnectionsReady', 'Unreachable', 'Pending'],
    ['ledger.ping', 'ConnectionsReady', 'Unreachable', 'Pending'],
    ['ledger.migrate', 'SchemaReady', 'MigrationFailed', 'Preparing'],
    ['ledger.published', 'SchemaReady', 'MigrationFailed', 'Preparing'],
    ['broker.ensureTopology', 'TopologyReady', 'TopologyFailed', 'Preparing'],
    ['electorate.sound', 'ElectorateLoaded', 'LoadFailed', 'Preparing'],
    ['electorate.sourceDigest', 'ElectorateLoaded', 'LoadFailed', 'Preparing'],
    ['electorate.load', 'ElectorateLoaded', 'LoadFailed', 'Preparing'],
    ['ledger.publishElection', 'ElectorateLoaded', 'LoadFailed', 'Preparing'],
    ['electorate.publish', 'ElectorateLoaded', 'LoadFailed', 'Scheduled'],
    ['ledger.counts', 'Ready', 'NotReady', 'Scheduled'],
  ] as const;
  it.each(steps)('%s: %s says %s, and a new election is %s', async (call, type, reason, phase) => {
    operator.servers.fail(call);
    const { failure, status, events } = await operator.reconcile();
    expect(failure).toMatchObject({ reason, message: `${call} failed`, lasting: false });
    expect(status.phase).toBe(phase);
    expect(operator.condition(type)).toMatchObject({ status: 'False', reason, message: `${call} failed` });
    expect(operator.condition('Ready')).toMatchObject({ status: 'False', reason });
    expect(events.filter(({ type: kind }) => kind === 'Warning')).toEqual([
      { type: 'Warning', reason, message: `${call} failed` },
    ]);
    operator.forget();
    await operator.reconcile();
    expect(operator.events).toEqual([]);
    operator.servers.heal();
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Scheduled');
    expect(operator.status?.conditions.every(({ status: is }) => is === 'True')).toBe(true);
  });

  const calls = [...new Set(steps.map(([call]) => call))].filter(
    (call) => !/sourceDigest|load$|publish/.test(call),
  );
  it.each([...calls, 'ledger.closed'])('%s: an election that is open stays Open', async (call) => {
    operator = await OperatorUnderTest.open();
    operator.servers.fail(call);
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Open');
    expect(operator.condition('Ready')?.status).toBe('False');
    expect(operator.events).toHaveLength(1);
    await operator.reconcile();
    expect(operator.events).toHaveLength(1);
    operator.servers.now = CLOSES_AT + HOUR;
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Draining');
    expect(operator.servers.ledger.closed).toBeUndefined();
    operator.servers.heal();
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Closed');
  });

  it('keeps the reason that a port gives, and Failed waits for a person', async () => {
    operator.servers.fail(
      'broker.ensureTopology',
      new StepError('WrongTopology', 'delete it', { lasting: true }),
    );
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Failed');
    expect(operator.condition('TopologyReady')).toMatchObject({
      reason: 'WrongTopology',
      message: 'delete it',
    });
    expect(operator.last?.events.at(-1)).toMatchObject({ type: 'Warning', reason: 'Failed' });
    operator.servers.fail('broker.ping');
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Failed');
    operator.servers.heal();
    await operator.reconcile();
    expect(operator.status?.phase).toBe('Scheduled');
  });

  it('does not keep a suspension from the stages, whatever else is broken', async () => {
    operator = await OperatorUnderTest.open();
    operator.election = testElection({ suspend: true });
    operator.servers.fail('broker.ensureTopology');
    await operator.reconcile();
    expect(operator.servers.redis.document?.suspended).toBe(true);
  });

  it('has only conditions that the resource knows', async () => {
    await operator.reconcile();
    expect(operator.status?.conditions.map(({ type }) => type).sort()).toEqual([...CONDITION_TYPES].sort());
  });
});
