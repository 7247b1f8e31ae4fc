import { expect, test } from '@jest/globals';
import type { RawElection } from './election-informer.ts';
import { NameClaims } from './name-claims.ts';

const election = (namespace: string, creationTimestamp: string, name = 'vote'): RawElection => ({
  metadata: { name, namespace, uid: `${namespace}/${name}`, resourceVersion: '1', creationTimestamp },
});
const addresses = (host: string) => ({
  redisUrl: `redis://:secret@${host}:6379`,
  rabbitmqManagementUrl: `http://guest:guest@${host}:15672`,
  databaseUrl: `postgres://postgres@${host}/scrutin_vote`,
});

test('of two Elections of one name on the same servers the older has it, whoever comes first', () => {
  const claims = new NameClaims();
  const older = election('a', '2026-01-01T00:00:00Z');
  const younger = election('b', '2026-01-02T00:00:00Z');
  claims.take(younger, addresses('one'));
  claims.take(older, addresses('one'));
  expect(() => claims.take(younger, addresses('one'))).toThrow('Election a/vote uses the same servers');
  claims.take(older, addresses('one'));
});

test('one server in common is enough, passwords aside', () => {
  const claims = new NameClaims();
  claims.take(election('a', '2026-01-01T00:00:00Z'), addresses('one'));
  const mixed = { ...addresses('two'), redisUrl: 'redis://:other@one:6379' };
  expect(() => claims.take(election('b', '2026-01-02T00:00:00Z'), mixed)).toThrow('same servers');
});

test('other names, other servers and names that are free again are taken', () => {
  const claims = new NameClaims();
  const first = election('a', '2026-01-01T00:00:00Z');
  claims.take(first, addresses('one'));
  claims.take(election('b', '2026-01-02T00:00:00Z', 'other'), addresses('one'));
  claims.take(election('b', '2026-01-02T00:00:00Z'), addresses('two'));
  claims.release(first.metadata.uid);
  claims.take(election('c', '2026-01-03T00:00:00Z'), addresses('one'));
});
