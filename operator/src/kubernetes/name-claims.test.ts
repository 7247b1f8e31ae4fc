import { expect, test } from '@jest/globals';
import type { ServerAddresses } from '../server-ports.ts';
import type { RawElection } from './election-informer.ts';
import { claimName } from './name-claims.ts';

const election = (namespace: string, day: number, phase?: string, name = 'vote'): RawElection => ({
  metadata: {
    name,
    namespace,
    uid: `${namespace}/${name}`,
    resourceVersion: '1',
    creationTimestamp: `2026-01-0${day}T00:00:00Z`,
  },
  ...(phase !== undefined && { status: { phase } }),
});
const addresses = (host: string): ServerAddresses => ({
  redisUrl: `redis://:secret@${host}:6379`,
  rabbitmqManagementUrl: `http://guest:guest@${host}:15672`,
  databaseUrl: `postgres://postgres@${host}/scrutin_vote`,
});

const older = election('a', 1);
const younger = election('b', 2);

/** What `who` is told when it asks for the name with `own` servers, while the other has `theirs`. */
const claim = (
  who: RawElection,
  own: ServerAddresses,
  theirs: ServerAddresses | undefined,
  all = [older, younger],
) =>
  claimName(who, own, all, async () => theirs).then(
    () => 'taken',
    (error: Error) => error.message,
  );

test('of two Elections of one name on the same servers the older has it, whoever asks first', async () => {
  expect(await claim(younger, addresses('one'), addresses('one'))).toMatch(
    /^Election a\/vote uses the same servers under the same name/,
  );
  expect(await claim(older, addresses('one'), addresses('one'))).toBe('taken');
  const twin = election('c', 1);
  expect(await claim(twin, addresses('one'), addresses('one'), [older, twin])).toContain('Election a/vote');
  expect(await claim(older, addresses('one'), addresses('one'), [older, twin])).toBe('taken');
});

test('of two Elections of one second the one that is prepared keeps the name, whatever the uids are', async () => {
  const [first, second] = [election('a', 1), election('z', 1, 'Open')];
  expect(await claim(first, addresses('one'), addresses('one'), [first, second])).toContain(
    'Election z/vote',
  );
  expect(await claim(second, addresses('one'), addresses('one'), [first, second])).toBe('taken');
});

test('one server in common is enough, however it is written', async () => {
  for (const one of [
    { redisUrl: 'redis://:other@one' },
    { redisUrl: 'rediss://ONE:6379/0' },
    { rabbitmqManagementUrl: 'http://admin:pass@one:15672/' },
    { databaseUrl: 'postgresql://owner:pass@one:5432/scrutin_vote?sslmode=require' },
    { redisClusterNodes: 'three:6379,one:6379' },
  ])
    expect(await claim(younger, { ...addresses('two'), ...one }, addresses('one'))).toContain('same servers');
});

test('other names and other servers are free', async () => {
  expect(await claim(younger, addresses('two'), addresses('one'))).toBe('taken');
  const otherDatabase = { ...addresses('two'), databaseUrl: 'postgres://postgres@one/scrutin_vote_b' };
  expect(await claim(younger, otherDatabase, addresses('one'))).toBe('taken');
  expect(await claim(election('b', 2, undefined, 'other'), addresses('one'), addresses('one'))).toBe('taken');
});

test('an older one whose servers can’t be told keeps them, unless it has never been prepared', async () => {
  const open = election('a', 1, 'Open');
  expect(await claim(younger, addresses('one'), undefined, [open, younger])).toContain('may use the same');
  expect(await claim(younger, addresses('one'), undefined, [election('a', 1, 'Pending'), younger])).toBe(
    'taken',
  );
  expect(await claim(younger, addresses('one'), undefined)).toBe('taken');
});
