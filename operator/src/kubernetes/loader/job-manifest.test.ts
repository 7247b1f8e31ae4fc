import { expect, test } from '@jest/globals';
import type { Election } from '../../election-resource.ts';
import { testElection } from '../../reconcile/testing/election.ts';
import { grantOf, jobManifest, jobName, loadsWanted, newGrant } from './job-manifest.ts';
import { parseOutcome } from './loader-outcome.ts';

const TERMS = { grant: 'ours', expectedDigest: undefined };

const withUid = (election: Election) => ({ ...election, metadata: { ...election.metadata, uid: 'u' } });
const from = (source: Election['spec']['electorate']['source']) => testElection({ electorate: { source } });
const volume = (claimName: string) => from({ persistentVolumeClaim: { claimName, path: '.' } });
const variables = (election: Election, expectedDigest?: string) => {
  const job = jobManifest(withUid(election), { image: 'x' }, { grant: 'ours', expectedDigest });
  return job.spec!.template.spec!.containers[0]!.env!;
};

test('an Election has one Job, which is known to load what is wanted or not', () => {
  const job = jobManifest(withUid(volume('a')), { image: 'x' }, TERMS);
  expect(loadsWanted(job, volume('a'))).toBe(true);
  expect(loadsWanted(job, volume('b'))).toBe(false);
  expect(jobName(volume('a'))).toBe(jobName(volume('b')));
});

test('a volume is mounted to be read only, and only where there is one', () => {
  const spec = (election: Election) =>
    jobManifest(withUid(election), { image: 'x' }, TERMS).spec!.template.spec!;
  expect(spec(volume('rolls')).volumes).toContainEqual({
    name: 'electorate',
    persistentVolumeClaim: { claimName: 'rolls', readOnly: true },
  });
  expect(spec(from({ http: { url: 'https://example.org/roll.txt' } })).volumes).toHaveLength(1);
});

test('the image is pulled with the Secrets that are named, if any are', () => {
  const pullSecrets = (names?: string[]) =>
    jobManifest(withUid(volume('a')), { image: 'x', ...(names && { pullSecrets: names }) }, TERMS).spec!
      .template.spec!.imagePullSecrets;
  expect(pullSecrets(['registry', 'mirror'])).toEqual([{ name: 'registry' }, { name: 'mirror' }]);
  expect(pullSecrets()).toBeUndefined();
});

test('every secret comes by reference', () => {
  const election = from({
    s3: {
      endpoint: 'https://s3.example.org',
      region: 'x',
      bucket: 'rolls',
      prefix: '',
      credentialsSecretName: 'keys',
    },
  });
  const secrets = variables(election).filter(({ valueFrom }) => valueFrom?.secretKeyRef);
  expect(secrets.map(({ name, valueFrom }) => `${name} ${valueFrom!.secretKeyRef!.name}`)).toEqual([
    'REDIS_URL scrutin-connections',
    'REDIS_CLUSTER_NODES scrutin-connections',
    'DATABASE_URL scrutin-connections',
    'VOTER_PEPPER scrutin-pepper',
    'S3_ACCESS_KEY_ID keys',
    'S3_SECRET_ACCESS_KEY keys',
  ]);
});

test('an election that has opened names the digest that it opened with', () => {
  const digest = 'ab'.repeat(32);
  expect(variables(volume('a'), digest)).toContainEqual({ name: 'EXPECTED_DIGEST', value: digest });
  expect(variables(volume('a')).map(({ name }) => name)).not.toContain('EXPECTED_DIGEST');
});

test('a Job’s pods show the grant that it was made with, and no two Jobs are made with the same', () => {
  const grant = newGrant(withUid(volume('a')));
  expect(newGrant(withUid(volume('a')))).not.toBe(grant);
  const job = jobManifest(withUid(volume('a')), { image: 'x' }, { ...TERMS, grant });
  expect(job.spec!.template.spec!.containers[0]!.env).toContainEqual({ name: 'LOAD_GRANT', value: grant });
  expect(grantOf(job)).toBe(grant);
});

test('a termination message that was cut off, or is none, is no outcome', () => {
  const outcome = { reason: 'LoadFailed', message: 'x', lasting: false };
  expect(parseOutcome(JSON.stringify(outcome))).toEqual(outcome);
  for (const text of [undefined, '', '{"digest":"ab"', '{}', 'null'])
    expect(parseOutcome(text)).toBeUndefined();
});
