import { expect, it } from '@jest/globals';
import { OPENS_AT, testElection } from './testing/election.ts';
import { HOUR, OperatorUnderTest, OTHER_SOURCE, SOURCE } from './testing/operator-under-test.ts';

it('another electorate, of which the opening comes while it is loaded, decides no vote unless it is accepted', async () => {
  const operator = new OperatorUnderTest();
  const { servers } = operator;
  await operator.reconcile({ verifySource: true });
  servers.source = OTHER_SOURCE;
  operator.election = testElection({ electorate: { expected: 3 } });
  servers.onLoading = () => {
    servers.now = OPENS_AT + HOUR;
  };
  const { failure } = await operator.reconcile({ verifySource: true });
  expect(failure).toMatchObject({ reason: 'ElectorateCountDiffers' });
  expect(servers.redis.document).toMatchObject({ suspended: true, eligible: 0 });
});

it('another electorate is taken although the operator ended before it told, and the opening came', async () => {
  const operator = new OperatorUnderTest();
  const { servers } = operator;
  await operator.reconcile({ verifySource: true });
  servers.source = OTHER_SOURCE;
  servers.afterCall = (call) => {
    if (call === 'electorate.load') throw new Error('gone');
  };
  await operator.reconcile({ verifySource: true });
  servers.heal();
  servers.now = OPENS_AT + HOUR;
  const { failure } = await operator.reconcile({ verifySource: true });
  expect(failure).toBeUndefined();
  expect(servers.redis.document).toMatchObject({
    suspended: false,
    eligible: 2,
    electorateDigest: OTHER_SOURCE.digest,
  });
});

it('another electorate is not taken any more when the opening comes while its source is read', async () => {
  const operator = new OperatorUnderTest();
  const { servers } = operator;
  await operator.reconcile({ verifySource: true });
  const { document } = servers.redis;
  servers.source = OTHER_SOURCE;
  servers.beforeCall = (call) => {
    if (call === 'electorate.sourceDigest') servers.now = OPENS_AT + HOUR;
  };
  const { status } = await operator.reconcile({ verifySource: true });
  expect(servers.redis).toMatchObject({ ready: true, source: SOURCE.digest, document });
  expect(status.phase).toBe('Open');
  expect(operator.condition('ElectorateLoaded')).toMatchObject({ status: 'True', reason: 'SourceChanged' });
});
