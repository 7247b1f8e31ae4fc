import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query, worseAbove, worseBelow } from '../panels.ts';
import { ofServer, rateBy } from '../promql.ts';
import { total, totalRate } from './totals.ts';

const share = (part: string, whole: string) => `${part} / (${whole} > 0)`;
/** Databases that nobody but PostgreSQL itself uses. */
const OWN_DATABASES = 'datname!~"template.*|postgres|"';

export const postgresql: Row = {
  title: 'PostgreSQL',
  panels: [
    graph({
      title: 'Utilisation: connections',
      description: 'Share of max_connections in use.',
      unit: unit.PercentUnit,
      queries: [
        query(
          '{{instance}}',
          `sum by (instance) (${ofServer('pg_stat_activity_count')}) / max by (instance) (${ofServer('pg_settings_max_connections')})`,
        ),
      ],
      steps: worseAbove(0.7, 0.9),
      width: 6,
    }),
    graph({
      title: 'Saturation: locks and transactions',
      description:
        'Locks held, and the age of the longest transaction: one that stays open keeps dead rows from being cleaned.',
      unit: unit.Short,
      queries: [
        query('locks', total('pg_locks_count')),
        query('longest transaction (s)', `max(${ofServer('pg_stat_activity_max_tx_duration')})`),
      ],
      width: 6,
    }),
    graph({
      title: 'Errors',
      description: 'Rolled-back transactions, deadlocks and conflicts, of all databases.',
      unit: unit.OpsPerSecond,
      queries: [
        query('rolled back', totalRate('pg_stat_database_xact_rollback')),
        query('deadlocks', totalRate('pg_stat_database_deadlocks')),
        query('conflicts', totalRate('pg_stat_database_conflicts')),
      ],
      width: 6,
    }),
    graph({
      title: 'Size of the databases',
      description: 'Of each election.',
      unit: unit.BytesIEC,
      queries: [
        query('{{datname}}', `max by (datname) (${ofServer('pg_database_size_bytes', OWN_DATABASES)})`),
      ],
      width: 6,
    }),
    graph({
      title: 'Commits a second',
      description: 'By database. Aggregation commits once a batch.',
      unit: unit.OpsPerSecond,
      queries: [
        query('{{datname}}', rateBy('datname', ofServer('pg_stat_database_xact_commit', OWN_DATABASES))),
      ],
      width: 6,
    }),
    graph({
      title: 'Rows a second',
      description: 'Inserted, updated, and read by an index or a scan, of all databases.',
      unit: unit.CountsPerSecond,
      queries: [
        query('inserted', totalRate('pg_stat_database_tup_inserted')),
        query('updated', totalRate('pg_stat_database_tup_updated')),
        query('fetched', totalRate('pg_stat_database_tup_fetched')),
      ],
      width: 6,
    }),
    graph({
      title: 'Reads answered by the cache',
      description: 'Share of the blocks that were in PostgreSQL’s own memory.',
      unit: unit.PercentUnit,
      max: 1,
      queries: [
        query(
          '{{instance}}',
          share(
            rateBy('instance', ofServer('pg_stat_database_blks_hit')),
            `${rateBy('instance', ofServer('pg_stat_database_blks_hit'))} + ${rateBy('instance', ofServer('pg_stat_database_blks_read'))}`,
          ),
        ),
      ],
      legendCalcs: ['lastNotNull', 'min'],
      steps: worseBelow(0.95, 0.8),
      width: 6,
    }),
    graph({
      title: 'Statements of the stages, p99',
      description: 'As the stages measure them; a long commit is a slow disk.',
      unit: unit.Seconds,
      queries: [
        query(
          '{{stage}} {{statement}}',
          `topk(10, histogram_quantile(0.99, ${rateBy('le, stage, statement', ofServer('scrutin_postgres_call_seconds_bucket', 'stage!="operator"'))}) > 0)`,
        ),
      ],
      width: 6,
    }),
  ],
};
