import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { retry } from '@scrutin/shared/retry.ts';
import type { DecidedVote } from '@scrutin/shared/vote-message.ts';
import fc from 'fast-check';
import type pg from 'pg';
import { recordBatch } from './record-batch.ts';
import { type CommitFate, poolWithFate } from './testing/failing-pool.ts';
import { type FreshLedger, freshLedger, Ledger } from './testing/ledger.ts';
import { ballotOf, duplicate, invalid, validated, voterOf } from './testing/votes.ts';

const LAWS = ['loi-1', 'loi-2'] as const;
const BALLOTS = 14;

let ledger: FreshLedger;
let aggregations: pg.Pool[];
beforeAll(async () => {
  ledger = await freshLedger(LAWS);
  aggregations = [ledger.connectAs('scrutin_writer', 1), ledger.connectAs('scrutin_writer', 1)];
});
afterAll(() => ledger.drop());

const emptyLedger = () =>
  ledger.pool.query(`truncate participation, vote_audit, duplicate_attempts;
    update vote_results set oui_count = 0, non_count = 0, total_votes = 0;
    update system_stats set value = 0`);

/** What a ballot is, whatever is delivered of it. Few voters, so that they meet. */
const ballotArbitrary = fc.record({
  voter: fc.constantFrom('u', 'v', 'w', 'x'),
  law: fc.constantFrom(...LAWS),
  choice: fc.constantFrom('oui' as const, 'non' as const),
});

const deliveryArbitrary = fc.record({
  ballot: fc.nat(BALLOTS - 1),
  // Mostly as in life; the rest is what a lost and rebuilt filter makes of a redelivery.
  status: fc.constantFrom('validated', 'validated', 'validated', 'duplicate', 'invalid'),
});

const batchArbitrary = fc.record({
  deliveries: fc.array(deliveryArbitrary, { minLength: 1, maxLength: 12 }),
  /** What happens to its first commits; after these it is done. */
  fates: fc.array(fc.constantFrom<CommitFate>('dies before', 'answer lost'), { maxLength: 2 }),
  /** Which aggregations it is delivered to. */
  to: fc.constantFrom([0], [1], [0, 1], [1, 0], [0, 0]),
});

const runArbitrary = fc.record({
  ballots: fc.array(ballotArbitrary, { minLength: BALLOTS, maxLength: BALLOTS }),
  batches: fc.array(batchArbitrary, { minLength: 1, maxLength: 12 }),
});
type Run = typeof runArbitrary extends fc.Arbitrary<infer T> ? T : never;

function votesOf({ ballots }: Run, deliveries: Run['batches'][number]['deliveries']): DecidedVote[] {
  return deliveries.map(({ ballot, status }) => {
    const cast = { ...ballots[ballot]!, ballot: String(ballot) };
    if (status === 'validated') return validated(cast);
    return status === 'duplicate' ? duplicate(cast) : invalid(cast);
  });
}

/** Each aggregation takes its batches in order, both at the same time. */
async function deliver(run: Run): Promise<void> {
  const queues: Run['batches'][] = [[], []];
  for (const batch of run.batches) for (const aggregation of batch.to) queues[aggregation]!.push(batch);
  await Promise.all(
    queues.map(async (queue, aggregation) => {
      for (const { deliveries, fates } of queue) {
        const left = [...fates];
        await retry(
          () =>
            recordBatch(
              poolWithFate(aggregations[aggregation]!, left.shift() ?? 'done'),
              votesOf(run, deliveries),
            ),
          { firstPauseMs: 1, mostPauseMs: 4, attempts: 8 },
        );
      }
    }),
  );
}

/** What must be on record, from the set of statuses that were delivered of each ballot alone. */
function expectation(run: Run) {
  const delivered = new Map<number, Set<string>>();
  for (const { deliveries } of run.batches)
    for (const { ballot, status } of deliveries)
      delivered.set(ballot, (delivered.get(ballot) ?? new Set()).add(status));
  const parts = new Map<string, { validated: number[]; duplicates: number }>();
  const invalidOnly: number[] = [];
  for (const [ballot, statuses] of delivered) {
    const { voter, law } = run.ballots[ballot]!;
    const key = `${law} ${voterOf(voter)}`;
    const part = parts.get(key) ?? { validated: [], duplicates: 0 };
    if (statuses.has('validated')) part.validated.push(ballot);
    else if (statuses.has('duplicate')) part.duplicates++;
    else invalidOnly.push(ballot);
    parts.set(key, part);
  }
  return { delivered, parts, invalidOnly };
}

async function recorded() {
  const query = async <T extends pg.QueryResultRow>(text: string) => (await ledger.pool.query<T>(text)).rows;
  const audit = await query<{ ballot_id: string; status: string }>(
    'select ballot_id, status from vote_audit',
  );
  const participants = await query<{ part: string }>(
    `select law_id || ' ' || encode(voter, 'hex') as part from participation`,
  );
  const attempts = await query<{ part: string; n: number }>(
    `select law_id || ' ' || encode(voter, 'hex') as part, attempt_count::integer as n from duplicate_attempts`,
  );
  const results = await query<{ law_id: string; oui: number; non: number }>(
    'select law_id, oui_count::integer as oui, non_count::integer as non from vote_results order by law_id',
  );
  return {
    statuses: new Map(audit.map(({ ballot_id, status }) => [ballot_id, status])),
    participants: participants.map(({ part }) => part).toSorted(),
    attempts: new Map(attempts.map(({ part, n }) => [part, n])),
    results,
  };
}

async function check(run: Run): Promise<void> {
  const { delivered, parts, invalidOnly } = expectation(run);
  const { statuses, participants, attempts, results } = await recorded();
  const statusOf = (ballot: number) => statuses.get(ballotOf(String(ballot)));

  expect(statuses.size).toBe(delivered.size);
  for (const ballot of invalidOnly) expect(statusOf(ballot)).toBe('invalid');
  const voted = [...parts].filter(([, part]) => part.validated.length > 0);
  expect(participants).toEqual(voted.map(([key]) => key).toSorted());
  const sums = LAWS.map((law_id) => ({ law_id: law_id as string, oui: 0, non: 0 }));
  for (const [, part] of voted) {
    // Which of a voter's ballots came first is up to the race; that it is exactly one is not.
    const counted = part.validated.filter((ballot) => statusOf(ballot) === 'aggregated');
    expect(counted).toHaveLength(1);
    const { law, choice } = run.ballots[counted[0]!]!;
    sums.find(({ law_id }) => law_id === law)![choice]++;
  }
  expect(results).toEqual(sums);
  const expectedAttempts = [...parts]
    .map(([key, part]) => [key, Math.max(0, part.validated.length - 1) + part.duplicates] as const)
    .filter(([, n]) => n > 0);
  expect(attempts).toEqual(new Map(expectedAttempts));
  expect(await new Ledger(ledger.pool).invariants()).toEqual({ ok: true, problems: [] });
}

test('any batches, redelivered and torn in any way over two aggregations at once, end in the same exact state', async () => {
  await fc.assert(
    fc.asyncProperty(runArbitrary, async (run) => {
      await emptyLedger();
      await deliver(run);
      await check(run);
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  );
}, 60_000);
