import { resolve } from 'node:path';
import { connectForReading, readTally, type Tally } from '../../scripts/stack/tally.ts';
import type { LoadedSystem } from './own-system.ts';

/**
 * A system that runs somewhere: its counts are read from the election's database if that is given, else from its results.
 * Rejects with a sentence if something is missing or doesn't answer.
 */
export async function givenSystem(options: {
  target?: string;
  results?: string;
  roll?: string;
  laws?: string;
  database?: string;
}): Promise<LoadedSystem> {
  const { target, results, roll, laws, database } = options;
  if (!target || !results || !roll || !laws)
    throw new Error('A load on a given system needs --target, --results, --roll and --laws');
  const ids = laws.split(',');
  const client = database ? await connectForReading(database, 'scrutin load') : undefined;
  const system: LoadedSystem = {
    ingestion: target.replace(/\/+$/, ''),
    results: results.replace(/\/+$/, ''),
    laws: ids,
    // k6 looks for it beside its own script.
    roll: resolve(roll),
    outcomesKnown: client !== undefined,
    tally: () => (client ? readTally(client) : readResults(results)),
    memory: () => ({}),
    stop: async () => client?.end(),
  };
  const known = Object.keys((await system.tally()).laws);
  const strange = ids.filter((law) => !known.includes(law));
  if (strange.length === 0) return system;
  await system.stop();
  throw new Error(`The election has no law ${strange.join(', ')}; it has ${known.join(', ')}`);
}

async function readResults(url: string): Promise<Tally> {
  const answer = await fetch(new URL('/api/v1/results', url), { signal: AbortSignal.timeout(10_000) });
  if (answer.status === 403)
    throw new Error(
      'The results are not shown before the election has closed; give its database with --database',
    );
  if (!answer.ok) throw new Error(`${url} answered ${answer.status} when asked for the results`);
  return tallyOfResults(await answer.json());
}

/** The tally that `GET /api/v1/results` tells: counts, without duplicates and invalid ballots. */
export function tallyOfResults(body: unknown): Tally {
  const { laws } = body as {
    laws: { law_id: string; oui_count: number; non_count: number; total_votes: number }[];
  };
  return {
    laws: Object.fromEntries(laws.map((law) => [law.law_id, { oui: law.oui_count, non: law.non_count }])),
    outcomes: {
      aggregated: laws.reduce((sum, { total_votes }) => sum + total_votes, 0),
      duplicate: 0,
      invalid: 0,
    },
  };
}
