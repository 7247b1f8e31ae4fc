import * as unit from '@grafana/grafana-foundation-sdk/units';
import type { Row } from '../frame.ts';
import { graph, query, worseAbove } from '../panels.ts';
import { ofNode, perSecond, rateBy } from '../promql.ts';

/** File systems that hold data. */
const DISKS = 'fstype!~"tmpfs|overlay|squashfs|ramfs|devtmpfs|fuse.*"';
/** Network cards, without what containers and the loopback have. */
const CARDS = 'device!~"lo|veth.*|docker.*|cni.*|br-.*"';

export const nodes: Row = {
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
