import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, NONE_EXPECTED, query, worseAbove } from '../panels.ts';
import { ofServer, perSecond, rateBy } from '../promql.ts';
import { totalRate } from './totals.ts';

export const redis: Row = {
  title: 'Redis',
  panels: [
    graph({
      title: 'Utilisation: memory',
      description:
        'Used and resident, and the limit if one is set (0: none). An electorate needs 17 to 44 bytes a voter and law.',
      unit: unit.BytesIEC,
      queries: [
        query('used {{instance}}', ofServer('redis_memory_used_bytes')),
        query('resident {{instance}}', ofServer('redis_memory_used_rss_bytes')),
        query('limit {{instance}}', ofServer('redis_memory_max_bytes')),
      ],
      width: 6,
    }),
    graph({
      title: 'Utilisation: processor',
      description: 'Share of one core; commands run on one thread.',
      unit: unit.PercentUnit,
      queries: [
        query(
          '{{instance}}',
          `${perSecond(ofServer('redis_cpu_sys_seconds_total'))} + ${perSecond(ofServer('redis_cpu_user_seconds_total'))}`,
        ),
      ],
      steps: worseAbove(0.7, 0.9),
      width: 6,
    }),
    graph({
      title: 'Saturation: clients',
      description: 'Connected and blocked clients as a share of maxclients, and entries of the slow log.',
      unit: unit.PercentUnit,
      queries: [
        query(
          'connected {{instance}}',
          `${ofServer('redis_connected_clients')} / ${ofServer('redis_config_maxclients')}`,
        ),
        query(
          'blocked {{instance}}',
          `${ofServer('redis_blocked_clients')} / ${ofServer('redis_config_maxclients')}`,
        ),
      ],
      steps: worseAbove(0.7, 0.9),
      width: 6,
    }),
    graph({
      title: 'Errors',
      description:
        'Evicted keys are voters that the filter no longer knows; connections turned away; the append-only file that can’t be written.',
      unit: unit.EventsPerSecond,
      queries: [
        query('evicted keys', totalRate('redis_evicted_keys_total')),
        query('connections turned away', totalRate('redis_rejected_connections_total')),
        query('append-only file not written', `sum(1 - ${ofServer('redis_aof_last_write_status')})`),
      ],
      steps: NONE_EXPECTED,
      width: 6,
    }),
    graph({
      title: 'Commands a second',
      description: 'The busiest ten. A batch of votes is one script call a shard.',
      unit: unit.OpsPerSecond,
      queries: [query('{{cmd}}', `topk(10, ${rateBy('cmd', ofServer('redis_commands_total'))} > 0)`)],
      width: 12,
    }),
    graph({
      title: 'Time of a command',
      description: 'Mean of the ten slowest commands.',
      unit: unit.Seconds,
      queries: [
        query(
          '{{cmd}}',
          `topk(10, ${rateBy('cmd', ofServer('redis_commands_duration_seconds_total'))} / (${rateBy('cmd', ofServer('redis_commands_total'))} > 0))`,
        ),
      ],
      width: 12,
    }),
  ],
};
