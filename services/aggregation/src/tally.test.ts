import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLog, type Log } from '@scrutin/shared/log.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import type pg from 'pg';
import { tally } from './tally.ts';
import { type FreshLedger, freshLedger, silentLog } from './testing/ledger.ts';
import { ballotOf, duplicate, validated } from './testing/votes.ts';

let ledger: FreshLedger;
let pool: pg.Pool;
let reviewed: { vote: DecidedVote; reason: string }[];
let counted: number;
beforeEach(async () => {
  ledger = await freshLedger(['loi-1']);
  pool = ledger.connectAs('scrutin_writer', 1);
  reviewed = [];
  counted = 0;
});
afterEach(() => ledger.drop());

const settle = (
  votes: DecidedVote[],
  review = async (vote: DecidedVote, reason: string) => void reviewed.push({ vote, reason }),
  log: Log = silentLog,
) =>
  tally(votes, {
    pool,
    review,
    onRecorded: (record) => {
      counted += record.counted.length;
    },
    log,
  });

const total = async () =>
  Number((await ledger.pool.query('select sum(total_votes) as n from vote_results')).rows[0].n);

const votes = (n: number) => Array.from({ length: n }, (_, i) => validated({ ballot: `${i}` }));

describe('a vote that PostgreSQL will never take', () => {
  test.each([
    ['a user agent with a NUL character', duplicate({ ballot: 'bad', agent: 'a\0b' }), '22P05'],
    ['a time before all times', duplicate({ ballot: 'bad', at: '0000-01-01T00:00:00.000Z' }), '22008'],
    ['a voter of odd length', { ...validated({ ballot: 'bad' }), voter: 'abc' }, '22023'],
    ['a voter that is too short', { ...validated({ ballot: 'bad' }), voter: 'abcd' }, '23514'],
  ])('(%s) goes to review alone; the others are counted', async (_what, culprit, code) => {
    const batch: DecidedVote[] = votes(33);
    batch.splice(17, 0, culprit);
    await settle(batch);
    expect(await total()).toBe(33);
    expect(counted).toBe(33);
    expect(reviewed).toEqual([{ vote: culprit, reason: expect.stringContaining(code) }]);
    // A person reads the reason: it tells no voter.
    expect(reviewed[0]!.reason).not.toMatch(/[0-9a-f]{16}/);
  });

  test('and others like it are all found', async () => {
    const culprits = [0, 1, 2].map((i) => duplicate({ ballot: `bad ${i}`, agent: '\0' }));
    await settle([culprits[0]!, ...votes(10), culprits[1]!, culprits[2]!]);
    expect(await total()).toBe(10);
    expect(reviewed.map(({ vote }) => vote)).toEqual(culprits);
  });

  test('delivered again goes to review again, and counts nothing twice', async () => {
    const batch = [...votes(5), duplicate({ ballot: 'bad', agent: '\0' })];
    await settle(batch);
    await settle(batch);
    expect(await total()).toBe(5);
    expect(reviewed).toHaveLength(2);
  });
});

test('a vote on an unknown law goes to review and holds up nothing', async () => {
  const stranger = validated({ ballot: 'bad', law: 'loi-9' });
  await settle([stranger, ...votes(3)]);
  expect(await total()).toBe(3);
  expect(reviewed).toEqual([{ vote: stranger, reason: 'the tally has no such law' }]);
});

test('the log tells of each ballot what became of it, and of none who voted or how', async () => {
  const lines: string[] = [];
  const log = createLog({
    stage: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  });
  const counts = validated({ ballot: 'counts', voter: 'Anne' });
  const again = validated({ ballot: 'again', voter: 'Anne' });
  const stranger = validated({ ballot: 'stranger', law: 'loi-9' });
  const refused = duplicate({ ballot: 'refused', agent: '\0' });
  await settle([counts, again, stranger, refused], undefined, log);
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const of = (ballot: string) => told.filter((line) => line.ballot_id === ballotOf(ballot));
  expect(of('counts')).toEqual([expect.objectContaining({ level: 'debug', counted: true })]);
  expect(of('again')).toEqual([expect.objectContaining({ level: 'debug', counted: false })]);
  expect(of('stranger')).toEqual([expect.objectContaining({ level: 'error' })]);
  expect(of('refused')).toEqual([expect.objectContaining({ level: 'error' })]);
  expect(lines.join('')).not.toMatch(/[0-9a-f]{64}|\b(?:oui|non)\b/);
});

test('a review that fails leaves the batch to be repeated, which changes nothing that is counted', async () => {
  const batch = [validated({ ballot: 'bad', law: 'loi-9' }), ...votes(3)];
  await expect(settle(batch, () => Promise.reject(new Error('no confirm')))).rejects.toThrow('no confirm');
  await settle(batch);
  expect(await total()).toBe(3);
  expect(counted).toBe(3);
});

describe('what is nobody’s vote’s fault holds the batch and sends nothing to review', () => {
  test.each([
    ['a missing right', 'revoke insert on vote_audit from scrutin_writer', '42501'],
    ['a missing table', 'alter table participation rename to gone', '42P01'],
    [
      'a tally that does not add up',
      `alter table vote_results add constraint broken check (total_votes < 2) not valid`,
      '23514',
    ],
  ])('(%s)', async (_what, damage, code) => {
    await ledger.pool.query(damage);
    await expect(settle(votes(3))).rejects.toMatchObject({ code });
    expect(reviewed).toEqual([]);
  });

  test('(a role that is not there)', async () => {
    pool = ledger.connectAs('scrutin_nobody', 1);
    await expect(settle(votes(3))).rejects.toMatchObject({ severity: 'FATAL' });
    expect(reviewed).toEqual([]);
  });

  test('(a standby that takes no writes)', async () => {
    const { rows } = await ledger.pool.query<{ name: string }>('select current_database() as name');
    await ledger.pool.query(`alter database "${rows[0]!.name}" set default_transaction_read_only = on`);
    await expect(settle(votes(3))).rejects.toMatchObject({ code: '25006' });
    expect(reviewed).toEqual([]);
  });
});
