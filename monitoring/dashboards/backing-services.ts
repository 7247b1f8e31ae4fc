import * as unit from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { graph, NONE_EXPECTED, number, ONE_EXPECTED, query, worseAbove, worseBelow } from './panels.ts';
import { ofNode, ofServer, perSecond, rateBy } from './promql.ts';

/** Sums over all instances that hardly differ, so that a cluster of three reads as one service. */
const total = (metric: string, matchers = '') => `sum(${ofServer(metric, matchers)})`;
const totalRate = (metric: string, matchers = '') => `sum(${perSecond(ofServer(metric, matchers))})`;
const share = (part: string, whole: string) => `${part} / (${whole} > 0)`;

/** Databases that nobody but PostgreSQL itself uses. */
const OWN_DATABASES = 'datname!~"template.*|postgres|"';
/** File systems that hold data. */
const DISKS = 'fstype!~"tmpfs|overlay|squashfs|ramfs|devtmpfs|fuse.*"';
const CARDS = 'device!~"lo|veth.*|docker.*|cni.*|br-.*"';

const reached = {
  title: 'Reached',
  panels: [
    number({
      title: 'By the stages',
      description:
        'Whether every process that uses a server can use it now. This is what decides about votes.',
      unit: unit.Short,
      width: 9,
      show: 'value and name',
      queries: [query('{{server}}', `min by (server) (${ofServer('scrutin_connection_up')})`)],
      steps: ONE_EXPECTED,
      words: { '1': { text: 'reached', color: 'green' }, '0': { text: 'not reached', color: 'red' } },
    }),
    number({
      title: 'By the exporters',
      description:
        'Whether the exporters reach their server. Without them this dashboard is blind; votes are counted all the same.',
      unit: unit.Short,
      width: 9,
      show: 'value and name',
      queries: [
        query('Redis', `min(${ofServer('redis_up')})`),
        query('PostgreSQL', `min(${ofServer('pg_up')})`),
        query('RabbitMQ', `count(${ofServer('rabbitmq_build_info')}) > bool 0`),
        query('nodes', `count(${ofNode('node_uname_info')}) > bool 0`),
      ],
      steps: ONE_EXPECTED,
      words: { '1': { text: 'reached', color: 'green' }, '0': { text: 'not reached', color: 'red' } },
    }),
    number({
      title: 'RabbitMQ’s alarms',
      description: 'Memory or disk: an alarm stops every publisher, and voters get a 503.',
      unit: unit.Short,
      width: 6,
      queries: [
        query(
          'alarms',
          `sum(${ofServer('rabbitmq_alarms_memory_used_watermark')}) + sum(${ofServer('rabbitmq_alarms_free_disk_space_watermark')})`,
        ),
      ],
      steps: NONE_EXPECTED,
    }),
  ],
};

const rabbitmq = {
  title: 'RabbitMQ',
  panels: [
    graph({
      title: 'Utilisation',
      description:
        'Memory by its watermark, file descriptors by their limit. At 100 % of memory the broker stops its publishers.',
      unit: unit.PercentUnit,
      queries: [
        query(
          'memory {{instance}}',
          `${ofServer('rabbitmq_process_resident_memory_bytes')} / ${ofServer('rabbitmq_resident_memory_limit_bytes')}`,
        ),
        query(
          'file descriptors {{instance}}',
          `${ofServer('rabbitmq_process_open_fds')} / ${ofServer('rabbitmq_process_max_fds')}`,
        ),
      ],
      steps: worseAbove(0.7, 0.9),
      width: 6,
    }),
    graph({
      title: 'Free disk',
      description: 'Space on the broker’s disk, and the limit below which it stops its publishers.',
      unit: unit.BytesIEC,
      queries: [
        query('free {{instance}}', ofServer('rabbitmq_disk_space_available_bytes')),
        query('limit {{instance}}', ofServer('rabbitmq_disk_space_available_limit_bytes')),
      ],
      legendCalcs: ['lastNotNull', 'min'],
      width: 6,
    }),
    graph({
      title: 'Saturation: messages',
      description: 'Of all queues of the broker, those of other elections too.',
      unit: unit.Short,
      queries: [
        query('ready', total('rabbitmq_queue_messages_ready')),
        query('unacknowledged', total('rabbitmq_queue_messages_unacked')),
      ],
      width: 6,
    }),
    graph({
      title: 'Errors',
      description: 'Messages delivered again, dead-lettered to review, or published to nobody.',
      unit: unit.MessagesPerSecond,
      queries: [
        query('delivered again', totalRate('rabbitmq_global_messages_redelivered_total')),
        query(
          'over the delivery limit',
          totalRate('rabbitmq_global_messages_dead_lettered_delivery_limit_total'),
        ),
        query('rejected', totalRate('rabbitmq_global_messages_dead_lettered_rejected_total')),
        query('without a queue', totalRate('rabbitmq_global_messages_unroutable_dropped_total')),
      ],
      width: 6,
    }),
    graph({
      title: 'Messages a second',
      description: 'Published, confirmed, delivered and acknowledged.',
      unit: unit.MessagesPerSecond,
      queries: [
        query('published', totalRate('rabbitmq_global_messages_received_total')),
        query('confirmed', totalRate('rabbitmq_global_messages_confirmed_total')),
        query('delivered', totalRate('rabbitmq_global_messages_delivered_total')),
        query('acknowledged', totalRate('rabbitmq_global_messages_acknowledged_total')),
      ],
      width: 12,
    }),
    graph({
      title: 'Connections and channels',
      description: 'Each stage has a connection; a number that keeps growing is a leak.',
      unit: unit.Short,
      queries: [
        query('connections', total('rabbitmq_connections')),
        query('channels', total('rabbitmq_channels')),
        query('consumers', total('rabbitmq_consumers')),
      ],
      width: 12,
    }),
  ],
};

const redis = {
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

const postgresql = {
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

const nodes = {
  title: 'Nodes',
  panels: [
    graph({
      title: 'Processor',
      description: 'Share of all cores in use, and load by core.',
      unit: unit.PercentUnit,
      queries: [
        query(
          'used {{instance}}',
          `1 - avg by (instance) (${perSecond(ofNode('node_cpu_seconds_total', 'mode="idle"'))})`,
        ),
        query(
          'load {{instance}}',
          `${ofNode('node_load1')} / on (instance) count by (instance) (${ofNode('node_cpu_seconds_total', 'mode="idle"')})`,
        ),
      ],
      steps: worseAbove(0.8, 1),
      width: 6,
    }),
    graph({
      title: 'Memory',
      description: 'Share in use.',
      unit: unit.PercentUnit,
      max: 1,
      queries: [
        query(
          '{{instance}}',
          `1 - ${ofNode('node_memory_MemAvailable_bytes')} / ${ofNode('node_memory_MemTotal_bytes')}`,
        ),
      ],
      steps: worseAbove(0.8, 0.9),
      width: 6,
    }),
    graph({
      title: 'File systems',
      description: 'Share in use.',
      unit: unit.PercentUnit,
      max: 1,
      queries: [
        query(
          '{{instance}} {{mountpoint}}',
          `1 - ${ofNode('node_filesystem_avail_bytes', DISKS)} / ${ofNode('node_filesystem_size_bytes', DISKS)}`,
        ),
      ],
      steps: worseAbove(0.8, 0.9),
      width: 6,
    }),
    graph({
      title: 'Disks',
      description: 'Share of the time in which the disk works.',
      unit: unit.PercentUnit,
      queries: [query('{{instance}} {{device}}', perSecond(ofNode('node_disk_io_time_seconds_total')))],
      steps: worseAbove(0.7, 0.9),
      width: 6,
    }),
    graph({
      title: 'Pressure',
      description: 'Share of the time in which something waits for the processor, the disk or memory (PSI).',
      unit: unit.PercentUnit,
      queries: [
        query('processor {{instance}}', perSecond(ofNode('node_pressure_cpu_waiting_seconds_total'))),
        query('disk {{instance}}', perSecond(ofNode('node_pressure_io_waiting_seconds_total'))),
        query('memory {{instance}}', perSecond(ofNode('node_pressure_memory_waiting_seconds_total'))),
      ],
      width: 8,
    }),
    graph({
      title: 'Network',
      description: 'Received and sent.',
      unit: unit.BytesPerSecondIEC,
      queries: [
        query('received {{instance}}', rateBy('instance', ofNode('node_network_receive_bytes_total', CARDS))),
        query('sent {{instance}}', rateBy('instance', ofNode('node_network_transmit_bytes_total', CARDS))),
      ],
      width: 8,
    }),
    graph({
      title: 'Network errors',
      description: 'Broken and dropped packets.',
      unit: unit.PacketsPerSecond,
      queries: [
        query(
          'errors {{instance}}',
          `${rateBy('instance', ofNode('node_network_receive_errs_total', CARDS))} + ${rateBy('instance', ofNode('node_network_transmit_errs_total', CARDS))}`,
        ),
        query(
          'dropped {{instance}}',
          `${rateBy('instance', ofNode('node_network_receive_drop_total', CARDS))} + ${rateBy('instance', ofNode('node_network_transmit_drop_total', CARDS))}`,
        ),
      ],
      width: 8,
    }),
  ],
};

export const backingServices = dashboard({
  uid: 'scrutin-backing-services',
  title: 'Scrutin / Backing services',
  description:
    'Utilisation, saturation and errors of RabbitMQ, Redis, PostgreSQL and the machines under them.',
  elections: 'none',
  rows: [reached, rabbitmq, redis, postgresql, nodes],
});
