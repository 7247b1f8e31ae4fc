import pg from 'pg';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { ElectionUnderTest } from '../../tests/support/election-under-test.ts';
import { removeElection } from '../../tests/support/remove-election.ts';
import type { Elector } from '../plan-votes.ts';
import type { Pipeline } from './yardstick.ts';

export interface Product extends Pipeline {
  electors: readonly Elector[];
  laws: readonly string[];
}

/** Scrutin itself: every stage a process, an election of its own, prepared by the operator. */
export async function startProduct(
  urls: ServerUrls,
  options: { voters: number; workers: number; aggregations: number },
): Promise<Product> {
  const election = await ElectionUnderTest.start({
    urls,
    voters: options.voters,
    validations: options.workers,
    aggregations: options.aggregations,
    env: { LOG_LEVEL: 'info' },
  });
  const pool = new pg.Pool({ connectionString: election.databaseUrl, max: 1 });
  return {
    url: election.ingestion.url,
    electors: election.electors,
    laws: election.laws,
    counted: async () => {
      const { rows } = await pool.query<{ total: number }>(
        'select coalesce(sum(total_votes), 0)::int as total from vote_results',
      );
      return rows[0]!.total;
    },
    stop: async () => {
      await pool.end();
      await election.stop();
      await removeElection(election);
    },
  };
}
