import type { VoteStatus } from '@scrutin/shared/status.ts';
import pg from 'pg';
import { HttpLane, overLanes } from '../../load-tests/http-lane.ts';
import { Ledger } from '../../operator/src/ledger/ledger.ts';
import type { ElectionUnderTest } from '../support/election-under-test.ts';
import type { EndState, LawCounts } from './check.ts';
import type { Review } from './review.ts';

/** Reads all that the system says of an election that has come to rest, with results still running. */
export async function readEndState(
  election: ElectionUnderTest,
  ballotIds: readonly string[],
  review: Review,
  poison: ReadonlySet<string>,
): Promise<EndState> {
  const ledger = await readLedger(election.databaseUrl);
  return {
    ...ledger,
    results: await readResults(election.results.url, ledger.tally),
    statuses: await readStatuses(election.results.url, ballotIds),
    ...(await review.read(poison)),
  };
}

/** All tables at one moment. */
async function readLedger(
  databaseUrl: string,
): Promise<Pick<EndState, 'audit' | 'participation' | 'attempts' | 'tally' | 'invariants'>> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  try {
    const { problems } = await new Ledger(pool).invariants();
    const client = await pool.connect();
    await client.query('begin isolation level repeatable read read only');
    const rows = async <T extends pg.QueryResultRow>(text: string) => (await client.query<T>(text)).rows;
    const state = {
      audit: await rows<EndState['audit'][number]>(
        'select ballot_id as "ballotId", law_id as "lawId", status from vote_audit',
      ),
      participation: await rows<EndState['participation'][number]>(
        `select law_id as "lawId", encode(voter, 'hex') as voter from participation`,
      ),
      attempts: await rows<EndState['attempts'][number]>(
        `select law_id as "lawId", encode(voter, 'hex') as voter, attempt_count::int as count
         from duplicate_attempts`,
      ),
      tally: await rows<LawCounts>(
        `select law_id as "lawId", oui_count::int as oui, non_count::int as non, total_votes::int as total
         from vote_results`,
      ),
      invariants: problems,
    };
    client.release();
    return state;
  } finally {
    await pool.end();
  }
}

/** What readers see is a moment old: waits for it to be the tally, and returns what it is in the end. */
async function readResults(resultsUrl: string, tally: readonly LawCounts[]): Promise<LawCounts[]> {
  const same = (seen: LawCounts[]) =>
    tally.every(({ lawId, oui, non }) =>
      seen.some((law) => law.lawId === lawId && law.oui === oui && law.non === non),
    );
  const deadline = Date.now() + 20_000;
  for (;;) {
    const response = await fetch(`${resultsUrl}/api/v1/results`).catch(() => undefined);
    const body = response?.ok
      ? ((await response.json()) as {
          laws: { law_id: string; oui_count: number; non_count: number; total_votes: number }[];
        })
      : { laws: [] };
    const seen = body.laws.map((law) => ({
      lawId: law.law_id,
      oui: law.oui_count,
      non: law.non_count,
      total: law.total_votes,
    }));
    if (same(seen) || Date.now() > deadline) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function readStatuses(
  resultsUrl: string,
  ballotIds: readonly string[],
): Promise<Map<string, VoteStatus>> {
  const statuses = new Map<string, VoteStatus>();
  await overLanes(resultsUrl, 16, ballotIds, async (lane, id) => {
    const answer = await lane.send(HttpLane.get(`/api/v1/ballots/${id}`));
    if (answer.status !== 200) throw new Error(`the status of ${id}: ${answer.status} ${answer.body}`);
    statuses.set(id, (JSON.parse(answer.body) as { status: VoteStatus }).status);
  });
  return statuses;
}
