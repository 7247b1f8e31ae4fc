import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { testElection } from '../reconcile/testing/election.ts';
import { databaseOf, readConnections } from './connection-secrets.ts';
import { FakeObjects } from './testing/fake-objects.ts';

const CONNECTIONS = {
  REDIS_URL: 'redis://redis:6379',
  RABBITMQ_URL: 'amqp://guest:s3cret@rabbitmq',
  RABBITMQ_MANAGEMENT_URL: 'http://guest:s3cret@rabbitmq:15672',
  DATABASE_URL: 'postgres://owner:s3cret@postgres/scrutin_vote',
};
const VOTER_PEPPER = '5e'.repeat(32);

let objects: FakeObjects;
beforeEach(async () => {
  objects = await FakeObjects.start();
  objects.putSecret('scrutin-connections', CONNECTIONS);
  objects.putSecret('scrutin-pepper', { VOTER_PEPPER });
});
afterEach(() => objects.stop());

const election = testElection();
const failure = async () =>
  (await readConnections(objects.core, election).catch((error: unknown) => error)) as {
    reason: string;
    message: string;
  };

describe('the Secrets of an Election', () => {
  test('name its servers and hold its pepper', async () => {
    const { addresses, pepper, version } = await readConnections(objects.core, election);
    expect(addresses).toEqual({
      redisUrl: CONNECTIONS.REDIS_URL,
      redisClusterNodes: undefined,
      rabbitmqManagementUrl: CONNECTIONS.RABBITMQ_MANAGEMENT_URL,
      rabbitmqUrl: CONNECTIONS.RABBITMQ_URL,
      aggregationDatabaseUrl: undefined,
      resultsDatabaseUrl: undefined,
      databaseUrl: CONNECTIONS.DATABASE_URL,
    });
    expect(pepper.export().toString('hex')).toBe(VOTER_PEPPER);
    objects.putSecret('scrutin-connections', CONNECTIONS);
    expect((await readConnections(objects.core, election)).version).not.toBe(version);
  });

  test('that are not there are named, both at once, with what to do', async () => {
    objects.remove('secrets', 'scrutin-pepper');
    expect(await failure()).toMatchObject({
      reason: 'SecretMissing',
      message:
        'there is no Secret scrutin-pepper in namespace default; make it, or correct spec.pepperSecretName',
    });
    objects.remove('secrets', 'scrutin-connections');
    expect((await failure()).message).toMatch(
      /Secret scrutin-connections.*; there is no Secret scrutin-pepper/,
    );
  });

  test('that may not be read are told with the right to grant', async () => {
    objects.forbid('secrets', 'scrutin-connections');
    const { reason, message } = await failure();
    expect(reason).toBe('SecretForbidden');
    expect(message).toContain('grant its service account "get" on it by a Role there');
  });

  test('may name the election’s own virtual host, and no other', async () => {
    const on = (host: string) => ({ ...CONNECTIONS, RABBITMQ_URL: `amqp://rabbitmq/${host}` });
    objects.putSecret('scrutin-connections', on('scrutin-test'));
    await readConnections(objects.core, election);
    objects.putSecret('scrutin-connections', on('other'));
    expect((await failure()).message).toMatch(
      /names the virtual host other, and the election’s is scrutin-test/,
    );
  });

  test('whose password has a % that is not encoded are told, and which entry it is', async () => {
    const DATABASE_URL = 'postgres://owner:50%off@postgres/scrutin_vote';
    objects.putSecret('scrutin-connections', { ...CONNECTIONS, DATABASE_URL });
    const { reason, message } = await failure();
    expect(reason).toBe('SecretIncomplete');
    expect(message).toMatch(/: DATABASE_URL: must have each % .* written as %25$/);
    objects.putSecret('scrutin-connections', {
      ...CONNECTIONS,
      DATABASE_URL: DATABASE_URL.replace('%', '%25'),
    });
    await readConnections(objects.core, election);
  });

  test('that lack an entry, or have a wrong one, are told without what stands there', async () => {
    objects.putSecret('scrutin-connections', { ...CONNECTIONS, REDIS_URL: 'http://user:s3cret@redis' });
    objects.putSecret('scrutin-pepper', { VOTER_PEPPER: 'too short' });
    const { reason, message } = await failure();
    expect(reason).toBe('SecretIncomplete');
    expect(message).toContain('Secret scrutin-connections can’t be used: REDIS_URL: must be a URL');
    expect(message).toContain('Secret scrutin-pepper can’t be used: VOTER_PEPPER: the pepper must be');
    expect(message).not.toContain('s3cret');
    expect(message).not.toContain('too short');
  });
});

test.each([
  ['postgres://owner@db/scrutin_other', 'postgres://owner@db/scrutin_other'],
  ['postgres://owner@db/postgres', 'postgres://owner@db/scrutin_vote_2027'],
  ['postgres://owner@db', 'postgres://owner@db/scrutin_vote_2027'],
  ['postgres://owner@db/', 'postgres://owner@db/scrutin_vote_2027'],
])('the election’s database on %s is %s', (given, database) => {
  expect(databaseOf(given, 'vote-2027')).toBe(database);
});
