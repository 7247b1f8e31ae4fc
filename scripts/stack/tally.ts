import pg from 'pg';

/** What the ledger has recorded: choices as sums per law, outcomes as numbers. */
export interface Tally {
  laws: Record<string, { oui: number; non: number }>;
  outcomes: { aggregated: number; duplicate: number; invalid: number };
}

/** Reads the tally at one moment. `url`: the election's database. */
export async function readTally(client: pg.Client): Promise<Tally> {
  const { rows } = await client.query<{
    laws: Tally['laws'] | null;
    outcomes: Partial<Tally['outcomes']> | null;
  }>(
    `select
       (select jsonb_object_agg(law_id, jsonb_build_object('oui', oui_count, 'non', non_count)) from vote_results) as laws,
       (select jsonb_object_agg(status, n) from (select status, count(*) as n from vote_audit group by status) s) as outcomes`,
  );
  return {
    laws: rows[0]?.laws ?? {},
    outcomes: { aggregated: 0, duplicate: 0, invalid: 0, ...rows[0]?.outcomes },
  };
}

/** Connects for a command's own reading; a lost connection fails the query at hand and nothing else. */
export async function connectForReading(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export const outcomesOf = ({ outcomes }: Tally): number =>
  outcomes.aggregated + outcomes.duplicate + outcomes.invalid;
