import { describe, expect, test } from '@jest/globals';
import { ScrutinError } from '@scrutin/shared/errors.ts';
import { BallotLookup, type BallotOutcome } from './ballot-lookup.ts';

const counted = (id: string): BallotOutcome => ({ ballot_id: id, law_id: 'loi', status: 'aggregated' });

/** A ledger that answers when the test says so. */
function ledger() {
  const queries: { ids: string[]; answer: (rows?: BallotOutcome[]) => void; fail: () => void }[] = [];
  const read = (ids: string[]) =>
    new Promise<BallotOutcome[]>((resolve, reject) => {
      queries.push({
        ids,
        answer: (rows = ids.map(counted)) => resolve(rows),
        fail: () => reject(new Error('connection reset')),
      });
    });
  return { queries, read };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const unavailable = expect.objectContaining({ code: 'ledger-unavailable', retryAfter: expect.any(Number) });

describe('a look-up', () => {
  test('goes together with the others of its moment, and with all that wait for the query before', async () => {
    const { queries, read } = ledger();
    const lookup = new BallotLookup({ read, reachable: () => true, maxWaiting: 100 });
    const first = ['a', 'b', 'a'].map((id) => lookup.outcome(id));
    await turn();
    expect(queries.map((query) => query.ids)).toEqual([['a', 'b']]);
    const second = ['c', 'a', 'd'].map((id) => lookup.outcome(id));
    await turn();
    expect(queries).toHaveLength(1);
    queries[0]!.answer([counted('a')]);
    expect(await Promise.all(first)).toEqual([counted('a'), undefined, counted('a')]);
    await turn();
    // Ballot `a` is asked for anew: it may have been counted since.
    expect(queries[1]!.ids).toEqual(['c', 'a', 'd']);
    queries[1]!.answer();
    expect(await Promise.all(second)).toEqual(['c', 'a', 'd'].map(counted));
    expect(lookup.waiting).toBe(0);
  });

  test('is refused at once when too many wait, and taken again when they are answered', async () => {
    const { queries, read } = ledger();
    const lookup = new BallotLookup({ read, reachable: () => true, maxWaiting: 2 });
    const waiting = [lookup.outcome('a'), lookup.outcome('b')];
    await expect(lookup.outcome('c')).rejects.toEqual(unavailable);
    await turn();
    await expect(lookup.outcome('c')).rejects.toEqual(unavailable);
    queries[0]!.answer();
    await Promise.all(waiting);
    const late = lookup.outcome('c');
    await turn();
    queries[1]!.answer();
    expect(await late).toEqual(counted('c'));
  });

  test('that the ledger fails is a problem with a time to try again, and the next one is tried', async () => {
    const { queries, read } = ledger();
    const lookup = new BallotLookup({ read, reachable: () => true, maxWaiting: 10 });
    const lost = lookup.outcome('a');
    await turn();
    queries[0]!.fail();
    await expect(lost).rejects.toBeInstanceOf(ScrutinError);
    const next = lookup.outcome('a');
    await turn();
    queries[1]!.answer();
    expect(await next).toEqual(counted('a'));
  });

  test('does not wait for a ledger that is known to be away', async () => {
    const { queries, read } = ledger();
    const lookup = new BallotLookup({ read, reachable: () => false, maxWaiting: 10 });
    await expect(lookup.outcome('a')).rejects.toEqual(unavailable);
    await turn();
    expect(queries).toEqual([]);
  });
});
