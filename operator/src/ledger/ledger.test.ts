import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PublishedElection } from '@scrutin/shared/election.ts';
import { Ledger } from './ledger.ts';
import { type FreshLedger, freshLedger } from './testing/fresh-ledger.ts';

const election: PublishedElection = {
  id: 'demo',
  title: { fr: 'Référendum', en: 'Referendum' },
  laws: [
    { id: 'loi-2', title: { fr: 'Deux', en: 'Two' } },
    { id: 'loi-1', title: { fr: 'Un', en: 'One' } },
  ],
  opensAt: '2026-01-01T00:00:00.000Z',
  closesAt: '2027-01-01T00:00:00.000Z',
  results: 'afterClose',
  recordClients: false,
  luhn: false,
  suspended: false,
  eligible: 10,
  layout: { shards: 1, bucketBits: 0 },
};
const DIGEST = 'ab'.repeat(32);

let fresh: FreshLedger;
let ledger: Ledger;
beforeEach(async () => {
  fresh = await freshLedger();
  ledger = new Ledger(fresh.pool);
});
afterEach(() => fresh.drop());

const stored = async () =>
  (await fresh.pool.query('select id, document, eligible, phase, updated_at from election')).rows;

describe('publishing an election in the ledger', () => {
  test('stores it and gives every law a row in the tally', async () => {
    await ledger.publishElection(election, 'Open');
    expect(await stored()).toMatchObject([{ id: 'demo', document: election, eligible: '10', phase: 'Open' }]);
    expect(await ledger.counts()).toMatchObject([
      { lawId: 'loi-1', oui: 0, non: 0, total: 0 },
      { lawId: 'loi-2', oui: 0, non: 0, total: 0 },
    ]);
  });

  test('again, unchanged, leaves everything as it is', async () => {
    await ledger.publishElection(election, 'Open');
    await fresh.pool.query(`update vote_results set non_count = 3, total_votes = 3 where law_id = 'loi-1'`);
    const before = [await stored(), await ledger.counts()];
    await ledger.publishElection(election, 'Open');
    expect([await stored(), await ledger.counts()]).toEqual(before);
  });

  test('with changes takes them on, and keeps what closing has written', async () => {
    await ledger.publishElection(election, 'Open');
    await ledger.close(DIGEST, new Date('2027-01-02T00:00:00Z'));
    await ledger.publishElection({ ...election, eligible: 12 }, 'Closed');
    expect(await stored()).toMatchObject([{ eligible: '12', phase: 'Closed' }]);
    expect(await ledger.closed()).toEqual({ at: new Date('2027-01-02T00:00:00Z'), digest: DIGEST });
  });

  test('is refused in another election’s database', async () => {
    await ledger.publishElection(election, 'Open');
    await expect(ledger.publishElection({ ...election, id: 'other' }, 'Open')).rejects.toMatchObject({
      code: '23505',
    });
  });

  test('the phase alone can be set', async () => {
    await ledger.publishElection(election, 'Open');
    await ledger.setPhase('Draining');
    expect(await stored()).toMatchObject([{ phase: 'Draining' }]);
  });
});

describe('declaring a result final', () => {
  test('twice with the same digest is one closing', async () => {
    await ledger.publishElection(election, 'Open');
    expect(await ledger.closed()).toBeUndefined();
    await ledger.close(DIGEST, new Date('2027-01-02T00:00:00Z'));
    await ledger.close(DIGEST, new Date('2027-01-03T00:00:00Z'));
    expect(await ledger.closed()).toEqual({ at: new Date('2027-01-02T00:00:00Z'), digest: DIGEST });
  });

  test('with another digest is refused', async () => {
    await ledger.publishElection(election, 'Open');
    await ledger.close(DIGEST, new Date());
    await expect(ledger.close('cd'.repeat(32), new Date())).rejects.toThrow(DIGEST);
  });

  test('before it was published is refused', async () => {
    await expect(ledger.close(DIGEST, new Date())).rejects.toThrow('has not been published');
  });
});

describe('reading who has voted', () => {
  test.each([1, 3, 7, 100])('gives every participant once, in batches of at most %i', async (size) => {
    await ledger.ensureLaws(['loi-1', 'loi-2', 'loi-3']);
    await fresh.pool.query(
      `insert into participation
       select law, sha256(law::bytea || n::text::bytea)
       from (values ('loi-1', 7), ('loi-3', 4)) as laws (law, voters), generate_series(1, voters) n`,
    );
    const read: string[] = [];
    for await (const { lawId, voters } of ledger.participants(size)) {
      expect(voters.length).toBeGreaterThan(0);
      expect(voters.length).toBeLessThanOrEqual(size);
      read.push(...voters.map((voter) => `${lawId} ${voter.toString('hex')}`));
    }
    const { rows } = await fresh.pool.query<{ line: string }>(
      `select law_id || ' ' || encode(voter, 'hex') as line from participation`,
    );
    expect(read.toSorted()).toEqual(rows.map(({ line }) => line).toSorted());
    expect(new Set(read).size).toBe(11);
  });
});

describe('the invariants', () => {
  const VOTER = `decode(repeat('ab', 32), 'hex')`;

  test('hold in an empty ledger', async () => {
    await ledger.publishElection(election, 'Open');
    expect(await ledger.invariants()).toEqual({ ok: true, problems: [] });
  });

  test.each([
    [
      'a participant without a vote',
      `insert into participation values ('loi-1', ${VOTER})`,
      ['loi-1: 1 participants, but 0 votes in the tally'],
    ],
    [
      'a vote that nobody cast',
      `update vote_results set oui_count = 2, total_votes = 2 where law_id = 'loi-1'`,
      [
        'loi-1: 0 participants, but 2 votes in the tally',
        'loi-1: 0 ballots recorded as counted, but 2 votes in the tally',
      ],
    ],
    [
      'an attempt without a ballot',
      `insert into duplicate_attempts values ('loi-1', ${VOTER}, 2, now(), now())`,
      ['loi-1: 0 duplicate ballots, but 2 duplicate attempts'],
    ],
    [
      'a law that is not the election’s',
      `with ballot as (insert into vote_audit (ballot_id, law_id, status) values (gen_random_uuid(), 'loi-9', 'invalid'))
       update system_stats set value = 1 where name in ('ballots_recorded', 'votes_invalid')`,
      ['loi-9: the election has no such law'],
    ],
    [
      'a running total that is wrong',
      `update system_stats set value = 5 where name = 'votes_counted'`,
      ['system_stats.votes_counted is 5, but should be 0'],
    ],
  ])('find %s', async (_what, damage, problems) => {
    await ledger.publishElection(election, 'Open');
    await fresh.pool.query(damage);
    expect(await ledger.invariants()).toEqual({ ok: false, problems });
  });
});
