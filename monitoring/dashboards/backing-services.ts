import * as unit from '@grafana/grafana-foundation-sdk/units';
import { nodes } from './backing-services/nodes.ts';
import { postgresql } from './backing-services/postgresql.ts';
import { rabbitmq } from './backing-services/rabbitmq.ts';
import { redis } from './backing-services/redis.ts';
import { dashboard } from './frame.ts';
import { NONE_EXPECTED, number, ONE_EXPECTED, query } from './panels.ts';
import { ofNode, ofServer } from './promql.ts';

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

export const backingServices = dashboard({
  uid: 'scrutin-backing-services',
  title: 'Scrutin / Backing services',
  description:
    'Utilisation, saturation and errors of RabbitMQ, Redis, PostgreSQL and the machines under them.',
  elections: 'none',
  rows: [reached, rabbitmq, redis, postgresql, nodes],
});
