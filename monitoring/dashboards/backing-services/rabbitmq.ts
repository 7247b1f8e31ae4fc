import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query, worseAbove } from '../panels.ts';
import { ofServer } from '../promql.ts';
import { total, totalRate } from './totals.ts';

export const rabbitmq: Row = {
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
