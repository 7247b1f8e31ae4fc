import { LATENCY_BUCKETS } from '@scrutin/shared/metrics.ts';
import {
  type BackingServer,
  postgresCallMetrics,
  rabbitmqCallMetrics,
  redisCallMetrics,
} from '@scrutin/shared/server-metrics.ts';
import { Counter, Histogram, type Registry } from 'prom-client';
import { type ElectionReading, electionMetrics, type SeenElection } from './election-metrics.ts';
import type { ElectionStatus } from './election-resource.ts';
import { type PortsObserver, SERVER_CALLS } from './observed-ports.ts';

const RESULTS = ['done', 'failed', 'error'] as const;
export type ReconcileResult = (typeof RESULTS)[number];

export interface OperatorMetrics {
  /** `seconds`: 0 if nothing was done. `reason`: of a failure, as the conditions name it. */
  reconciled(result: ReconcileResult, seconds: number, reason?: string): void;
  /** For the ports of one election. */
  observerOf(electionId: string): PortsObserver;
}

/**
 * The metrics of both operators, the cluster's and the one machine's. `elections`: all that this process answers for,
 * asked when the metrics are read; what was seen of any other is forgotten then.
 */
export function operatorMetrics(
  registry: Registry,
  elections: () => Iterable<ElectionReading>,
): OperatorMetrics {
  const registers = [registry];
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
  const calls = {
    redis: redisCallMetrics(registry, SERVER_CALLS.redis),
    rabbitmq: rabbitmqCallMetrics(registry, SERVER_CALLS.rabbitmq),
    postgresql: postgresCallMetrics(registry, SERVER_CALLS.postgresql),
  };
  const seen = new Map<string, SeenElection>();
  electionMetrics(registry, elections, seen);
  for (const result of RESULTS) reconciles.inc({ result }, 0);
  return {
    reconciled: (result, seconds, reason) => {
      reconciles.inc({ result });
      if (result !== 'done') errors.inc({ reason: reason ?? 'Unknown' });
      if (seconds > 0) duration.observe(seconds);
    },
    observerOf: (electionId) => {
      const ofElection = (): SeenElection => {
        const known = seen.get(electionId) ?? { up: new Map<BackingServer, boolean>() };
        seen.set(electionId, known);
        return known;
      };
      return {
        called: (server, name, seconds, ok) => {
          calls[server](name, seconds, ok);
          if (name === 'ping') ofElection().up.set(server, ok);
        },
        audited: ({ counted, published }) => {
          ofElection().drift = counted - published;
        },
      };
    },
  };
}

/** What an Election's status says to the metrics, as this operator or an earlier one wrote it. */
export function readingOf(election: string, status: unknown): ElectionReading {
  const { phase = 'Pending', electorate, votes } = (status ?? {}) as Partial<ElectionStatus>;
  return { election, phase, eligible: electorate?.unique, votes };
}
