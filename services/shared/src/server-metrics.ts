import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { LATENCY_BUCKETS } from './metrics.ts';

/** The backing services, as the metrics name them. */
export type BackingServer = 'redis' | 'rabbitmq' | 'postgresql';

/** A process of one election and the operator of many register this, each in its way. */
export const CONNECTION_UP = {
  name: 'scrutin_connection_up',
  help: 'Whether the server could be used at the last exchange with it, 1 or 0; the operator asks at every reconciliation',
} as const;

/** Whether each server that the process uses can be used now, asked when the metrics are read. */
export function connectionMetrics(
  registry: Registry,
  servers: Partial<Record<BackingServer, () => boolean>>,
): void {
  new Gauge({
    ...CONNECTION_UP,
    labelNames: ['server'],
    registers: [registry],
    collect() {
      for (const [server, up] of Object.entries(servers)) this.set({ server }, Number(up()));
    },
  });
}

/** Told of each call of a server: its name, its duration in seconds, and whether it was answered without an error. */
export type ObserveCall = (name: string, seconds: number, ok: boolean) => void;

/** Calls of Redis. `calls`: all that the process makes, so that each has its series from the start. */
export const redisCallMetrics = (registry: Registry, calls: readonly string[]): ObserveCall =>
  callMetrics(registry, 'redis', 'call', calls);

/** Statements of PostgreSQL, by the name of their file; transactions' ends and what has no name as told. */
export const postgresCallMetrics = (registry: Registry, statements: readonly string[]): ObserveCall =>
  callMetrics(registry, 'postgres', 'statement', statements);

/** Calls of RabbitMQ's management API. */
export const rabbitmqCallMetrics = (registry: Registry, calls: readonly string[]): ObserveCall =>
  callMetrics(registry, 'rabbitmq', 'call', calls);

const SERVER_TITLES = {
  redis: 'Redis',
  rabbitmq: 'RabbitMQ’s management API',
  postgres: 'PostgreSQL',
} as const;

function callMetrics(
  registry: Registry,
  server: keyof typeof SERVER_TITLES,
  label: string,
  names: readonly string[],
): ObserveCall {
  const seconds = new Histogram({
    name: `scrutin_${server}_call_seconds`,
    help: `Calls of ${SERVER_TITLES[server]}, failed ones too, by ${label}`,
    labelNames: [label],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  const errors = new Counter({
    name: `scrutin_${server}_errors_total`,
    help: `Calls of ${SERVER_TITLES[server]} that failed, by ${label}`,
    labelNames: [label],
    registers: [registry],
  });
  // A rate over a counter that appears with its first increment misses that increment.
  for (const name of names) {
    seconds.zero({ [label]: name });
    errors.inc({ [label]: name }, 0);
  }
  const known = new Set(names);
  return (name, duration, ok) => {
    const labels = { [label]: known.has(name) ? name : 'other' };
    seconds.observe(labels, duration);
    if (!ok) errors.inc(labels);
  };
}

/** A pool of connections, as `pg` tells of it. */
export interface PoolState {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export function poolMetrics(registry: Registry, pool: PoolState): void {
  new Gauge({
    name: 'scrutin_postgres_pool_connections',
    help: 'Connections of the pool to PostgreSQL, by state: in_use or idle',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'in_use' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
    },
  });
  new Gauge({
    name: 'scrutin_postgres_pool_waiting',
    help: 'Callers that wait for a connection of the pool',
    registers: [registry],
    collect() {
      this.set(pool.waitingCount);
    },
  });
}
