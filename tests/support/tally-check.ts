import type { Choice } from '@scrutin/shared/choice.ts';
import type { VoteStatus } from '@scrutin/shared/status.ts';
import pg from 'pg';
import type { CastVote } from './cast-votes.ts';

/** Runs `work` with a connection to the election's database that is closed afterwards. */
export async function withDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Statuses by ballot id, as recorded. */
export async function recordedStatuses(client: pg.Client): Promise<Map<string, VoteStatus>> {
  const { rows } = await client.query<{ ballot_id: string; status: VoteStatus }>(
    'select ballot_id, status from vote_audit',
  );
  return new Map(rows.map(({ ballot_id, status }) => [ballot_id, status]));
}

/** Resolves once every accepted ballot has its row; rejects with what is missing after `timeoutMs`. */
export async function allRecorded(
  url: string,
  history: readonly CastVote[],
  timeoutMs: number,
): Promise<Map<string, VoteStatus>> {
  const accepted = new Set(history.flatMap(({ ballotId }) => ballotId ?? []));
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const statuses = await withDatabase(url, recordedStatuses).catch(() => new Map<string, VoteStatus>());
    const missing = [...accepted].filter((id) => !statuses.has(id));
    if (missing.length === 0) return statuses;
    if (Date.now() > deadline)
      throw new Error(`${missing.length} of ${accepted.size} accepted ballots were not recorded`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Counts per law and choice in the tally. */
export async function tallied(client: pg.Client): Promise<Record<string, Record<Choice, number>>> {
  const { rows } = await client.query<{ law_id: string; oui: number; non: number }>(
    'select law_id, oui_count::int as oui, non_count::int as non from vote_results',
  );
  return Object.fromEntries(rows.map(({ law_id, oui, non }) => [law_id, { oui, non }]));
}

/** Attempts after the first by law, one number a voter, without saying who. */
export async function duplicateAttempts(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query<{ attempt_count: number }>(
    'select attempt_count::int from duplicate_attempts',
  );
  return rows.map(({ attempt_count }) => attempt_count);
}

/** Hex voter hash and law of everyone with a duplicate attempt. */
export async function duplicateVoters(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ voter: Buffer; law_id: string }>(
    'select voter, law_id from duplicate_attempts',
  );
  return rows.map(({ voter, law_id }) => `${voter.toString('hex')}/${law_id}`).sort();
}
