import { beforeEach, describe, expect, it } from '@jest/globals';
import { StepError } from './conditions.ts';
import { OPENS_AT, testElection } from './testing/election.ts';
import { emptyRedis } from './testing/fake-servers.ts';
import { HOUR, OperatorUnderTest, OTHER_SOURCE, SOURCE } from './testing/operator-under-test.ts';

let operator: OperatorUnderTest;

describe('before the opening', () => {
  beforeEach(async () => {
    operator = new OperatorUnderTest();
  });

  it('opens with the number of voters that is expected', async () => {
    operator.election = testElection({ electorate: { expected: 3 } });
    expect((await operator.reconcile()).status.phase).toBe('Scheduled');
  });

  it('does not open with another number than expected, and says which lines are damaged', async () => {
    operator.election = testElection({ electorate: { expected: 4 } });
    operator.servers.source = { ...SOURCE, errors: ['roll.txt:7: not a hash'] };
    const { status, failure } = await operator.reconcile();
    expect(status.phase).toBe('Failed');
    expect(failure).toMatchObject({ reason: 'ElectorateCountDiffers', lasting: true });
    expect(failure?.message).toContain('3 distinct voters were found and spec.electorate.expected is 4');
    expect(failure?.message).toContain('roll.txt:7: not a hash');
    expect(operator.servers.redis.document).toBeUndefined();
    operator.servers.now = OPENS_AT + HOUR;
    expect((await operator.reconcile()).status.phase).toBe('Failed');
    operator.election = testElection({ electorate: { expected: 3 } });
    expect((await operator.reconcile()).status.phase).toBe('Open');
  });

  it('says that damaged lines were left out, once, and goes on with the good ones', async () => {
    operator.servers.source = { ...SOURCE, errors: ['roll.txt:7: not a hash'] };
    const { status, events } = await operator.reconcile();
    expect(status.phase).toBe('Scheduled');
    expect(status.electorate).toMatchObject({ unique: 3, errors: 1 });
    expect(events).toContainEqual({
      type: 'Warning',
      reason: 'ElectorateDamaged',
      message: 'roll.txt:7: not a hash',
    });
    operator.forget();
    await operator.reconcile();
    expect(operator.events).toEqual([]);
  });

  it('is not said to have a source that can’t be read when the look at it was cut off', async () => {
    await operator.reconcile();
    const cut = new AbortController();
    operator.servers.beforeCall = (call) => {
      if (call !== 'electorate.sourceDigest') return;
      cut.abort(new Error('the Election was changed'));
      throw new StepError('SourceUnreachable', 'it does not answer');
    };
    operator.forget();
    const again = await operator.reconcile({ verifySource: true, signal: cut.signal });
    expect(again.failure).toMatchObject({ reason: 'Interrupted' });
    operator = new OperatorUnderTest();
    operator.servers.fail(
      'electorate.sourceDigest',
      new StepError('SourceUnreachable', 'it does not answer'),
    );
    const first = await operator.reconcile({ signal: cut.signal });
    expect(first.failure).toMatchObject({ reason: 'Interrupted' });
    expect(operator.events).not.toContain('SourceUnreachable');
  });

  it('does not open without anybody who may vote', async () => {
    operator.servers.source = { digest: SOURCE.digest, voters: [], errors: ['roll.txt:1: not a hash'] };
    const { status, failure } = await operator.reconcile();
    expect(status.phase).toBe('Failed');
    expect(failure).toMatchObject({ reason: 'ElectorateEmpty', lasting: true });
    expect(operator.servers.redis).toMatchObject({ ready: false, document: undefined });
    operator.servers.source = SOURCE;
    expect((await operator.reconcile()).status.phase).toBe('Scheduled');
  });

  it('takes another electorate, which is no repair', async () => {
    await operator.reconcile();
    operator.servers.source = OTHER_SOURCE;
    operator.forget();
    await operator.reconcile();
    expect(operator.servers.writes).toEqual([]);
    const { events } = await operator.reconcile({ verifySource: true });
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal ElectorateLoaded']);
    expect(operator.servers.redis.document).toMatchObject({
      eligible: 2,
      electorateDigest: OTHER_SOURCE.digest,
    });
  });

  it('is withheld when what was published does not hold any more, also past its opening, until it does', async () => {
    await operator.reconcile();
    operator.election = testElection({ electorate: { expected: 3 } });
    operator.servers.source = OTHER_SOURCE;
    await operator.reconcile({ verifySource: true });
    expect(operator.status?.phase).toBe('Failed');
    const withheld = { eligible: 0, suspended: true };
    expect(operator.servers.redis.document).toMatchObject(withheld);
    expect(operator.servers.ledger.document).toMatchObject(withheld);
    operator.servers.now = OPENS_AT + HOUR;
    await operator.reconcile({ verifySource: true });
    expect(operator.servers.redis.document).toMatchObject(withheld);
    expect(operator.status?.phase).toBe('Failed');
    // Nobody could vote: the spec is as free as before the opening.
    operator.election = testElection({ electorate: { expected: 2 }, laws: [testElection().spec.laws[0]!] });
    await operator.reconcile({ verifySource: true });
    expect(operator.status?.phase).toBe('Open');
    expect(operator.servers.redis.document).toMatchObject({ eligible: 2, suspended: false });
  });

  it('ends what still loads from another source before it looks at what is there, also if that is all', async () => {
    await operator.reconcile();
    const calls = async (options: object) => {
      operator.servers.calls = [];
      await operator.reconcile(options);
      return operator.servers.calls.filter((call) => /electorate\.(endOtherLoads|sound|load$)/.test(call));
    };
    expect(await calls({ verifySource: true })).toEqual(['electorate.endOtherLoads', 'electorate.sound']);
    expect(await calls({})).toEqual(['electorate.sound']);
    operator.servers.source = OTHER_SOURCE;
    expect(await calls({ verifySource: true })).toEqual([
      'electorate.endOtherLoads',
      'electorate.sound',
      'electorate.load',
    ]);
  });

  it('is laid out anew when the number of shards is changed', async () => {
    await operator.reconcile();
    operator.election = testElection({ electorate: { shards: 3 } });
    await operator.reconcile();
    expect(operator.servers.redis.document?.layout.shards).toBe(3);
  });

  it('is made anew with another pepper', async () => {
    await operator.reconcile();
    operator.servers.pepper = 'another';
    await operator.reconcile();
    expect(operator.servers.redis).toMatchObject({ ready: true, pepper: 'another' });
  });

  it('goes on where a stopped load was, and says nothing of the stop', async () => {
    const stop = new AbortController();
    operator.servers.onLoading = () => stop.abort(new Error('stopping'));
    const { failure, status, events } = await operator.reconcile({ signal: stop.signal });
    expect(failure).toMatchObject({ reason: 'Interrupted' });
    expect(status.phase).toBe('Preparing');
    expect(events.filter(({ type }) => type === 'Warning')).toEqual([]);
    expect([...operator.servers.redis.voters]).toEqual(['ana']);
    operator.servers.onLoading = () => {};
    expect((await operator.reconcile()).status.phase).toBe('Scheduled');
    expect(operator.servers.redis.voters.size).toBe(3);
  });
});

describe('while people vote', () => {
  beforeEach(async () => {
    operator = await OperatorUnderTest.open();
  });
  const readyMessage = () => operator.condition('Ready')?.message;

  it('puts a lost electorate back, with the marks of who is in the tally, and the document', async () => {
    operator.servers.ledger.participation.add('loi-1/bob');
    const { document } = operator.servers.redis;
    operator.servers.redis = emptyRedis();
    const { status, events } = await operator.reconcile();
    expect(status.phase).toBe('Open');
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning ElectorateRepaired']);
    expect(operator.servers.redis).toMatchObject({ ready: true, document });
    expect([...operator.servers.redis.marks]).toEqual(['loi-1/bob']);
  });

  it('tells the stages before it loads', async () => {
    operator.servers.redis = emptyRedis();
    operator.servers.source = new StepError('SourceMissing', 'the folder is not there', { lasting: true });
    const { status } = await operator.reconcile();
    expect(status.phase).toBe('Open');
    expect(operator.servers.redis.document).toMatchObject({ id: 'test', suspended: false });
    expect(readyMessage()).toBe('the folder is not there');
  });

  it.each(['with', 'without'])('never loads other files than it opened with, %s its status', async (way) => {
    operator.servers.redis = emptyRedis();
    operator.servers.source = OTHER_SOURCE;
    if (way === 'without') operator.status = undefined;
    const { failure, status } = await operator.reconcile({ verifySource: true });
    expect(failure).toMatchObject({ reason: 'ElectorateChanged', lasting: true });
    expect(status.phase).toBe('Open');
    expect(operator.servers.redis.voters.size).toBe(0);
    operator.servers.source = SOURCE;
    expect((await operator.reconcile()).failure).toBeUndefined();
  });

  it.each([
    ['changed', OTHER_SOURCE, /not those that the election opened with/],
    ['gone', new Error('there is no such folder'), /there is no such folder/],
  ])(
    'goes on with the electorate it has when the files are %s, warns once and remembers',
    async (_, source, why) => {
      operator.servers.source = source;
      const { failure, events } = await operator.reconcile({ verifySource: true });
      expect(failure).toBeUndefined();
      expect(events).toMatchObject([{ type: 'Warning', reason: 'SourceChanged' }]);
      expect(events[0]?.message).toMatch(why);
      operator.forget();
      await operator.reconcile();
      await operator.reconcile({ verifySource: true });
      expect(operator.events).toEqual([]);
      expect(operator.condition('ElectorateLoaded')).toMatchObject({
        status: 'True',
        reason: 'SourceChanged',
      });
      operator.servers.source = SOURCE;
      await operator.reconcile({ verifySource: true });
      expect(operator.condition('ElectorateLoaded')).toMatchObject({ status: 'True', reason: 'Done' });
    },
  );

  it('replaces an electorate that somebody else has loaded by its own', async () => {
    operator.servers.redis.source = OTHER_SOURCE.digest;
    operator.servers.redis.voters = new Set(OTHER_SOURCE.voters);
    await operator.reconcile();
    expect([...operator.servers.redis.voters]).toEqual([...SOURCE.voters]);
  });

  it('does not take another pepper: who has voted could vote again', async () => {
    operator.servers.pepper = 'another';
    const { failure, status } = await operator.reconcile();
    expect(failure).toMatchObject({ reason: 'PepperChanged', lasting: true });
    expect(status.phase).toBe('Open');
    expect(operator.servers.redis).toMatchObject({ ready: true, pepper: 'pepper' });
    operator.servers.pepper = 'pepper';
    expect((await operator.reconcile()).failure).toBeUndefined();
  });

  it('does not lay the electorate out anew, nor mind another expected number', async () => {
    operator.election = testElection({ electorate: { shards: 3, expected: 99 } });
    const { failure } = await operator.reconcile({ verifySource: true });
    expect(failure).toBeUndefined();
    expect(operator.servers.redis.document).toMatchObject({ eligible: 3, layout: { shards: 1 } });
  });
});
