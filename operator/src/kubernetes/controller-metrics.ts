import { Counter, Gauge, type Registry } from 'prom-client';
import type { OperatorMetrics } from '../operator-metrics.ts';
import type { ControllerObserver } from './controller.ts';

export interface ControllerGauges {
  queueDepth: () => number;
  working: () => number;
  leading: () => boolean;
}

/** What the operator has on a cluster alone, beside the metrics that both operators have. */
export function controllerMetrics(
  registry: Registry,
  operator: OperatorMetrics,
  gauges: ControllerGauges,
): ControllerObserver {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('scrutin_operator_queue_depth', 'Elections that wait for a worker', gauges.queueDepth);
  gauge('scrutin_operator_working', 'Elections that are worked on now', gauges.working);
  gauge('scrutin_operator_leader', '1 if this process leads, else 0', () => (gauges.leading() ? 1 : 0));
  const watches = new Counter({
    name: 'scrutin_operator_watch_ends_total',
    help: 'Watches of Elections that ended: closed by the server in good order, gone (410) or failed',
    labelNames: ['why'],
    registers,
  });
  for (const why of ['closed', 'gone', 'failed']) watches.inc({ why }, 0);
  return {
    reconciled: operator.reconciled,
    watchEnded: (why) => watches.inc({ why }),
  };
}
