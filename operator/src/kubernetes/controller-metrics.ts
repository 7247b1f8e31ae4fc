import { LATENCY_BUCKETS } from '@scrutin/shared/metrics.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { PHASES } from '../election-resource.ts';
import type { ControllerObserver } from './controller.ts';
import type { RawElection } from './election-informer.ts';

export interface ControllerGauges {
  queueDepth: () => number;
  working: () => number;
  leading: () => boolean;
  /** All that there are, if this process leads. */
  elections: () => readonly RawElection[];
}

/** The operator's metrics on a cluster. */
export function controllerMetrics(registry: Registry, gauges: ControllerGauges): ControllerObserver {
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
  const reconciles = new Counter({
    name: 'scrutin_operator_reconciles_total',
    help: 'Reconciliations, by result: done, failed (told on the Election) or error (unexpected)',
    labelNames: ['result'],
    registers,
  });
  const errors = new Counter({
    name: 'scrutin_operator_errors_total',
    help: 'Reconciliations that failed, by reason as the conditions name it',
    labelNames: ['reason'],
    registers,
  });
  const duration = new Histogram({
    name: 'scrutin_operator_reconcile_seconds',
    help: 'Duration of a reconciliation',
    buckets: [...LATENCY_BUCKETS, 30, 60, 300],
    registers,
  });
  const watches = new Counter({
    name: 'scrutin_operator_watch_ends_total',
    help: 'Watches of Elections that ended: closed by the server in good order, gone (410) or failed',
    labelNames: ['why'],
    registers,
  });
  new Gauge({
    name: 'scrutin_operator_elections',
    help: 'Elections on the cluster, by phase; 0 of each on a replica that does not lead',
    labelNames: ['phase'],
    registers,
    collect() {
      const counts = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
      for (const { status } of gauges.elections()) {
        const { phase = 'Pending' } = (status ?? {}) as { phase?: string };
        counts.set(phase, (counts.get(phase) ?? 0) + 1);
      }
      for (const [phase, count] of counts) this.set({ phase }, count);
    },
  });
  for (const result of ['done', 'failed', 'error']) reconciles.inc({ result }, 0);
  return {
    reconciled: (result, seconds, reason) => {
      reconciles.inc({ result });
      if (result !== 'done') errors.inc({ reason: reason ?? 'Unknown' });
      if (seconds > 0) duration.observe(seconds);
    },
    watchEnded: (why) => watches.inc({ why }),
  };
}
