import type { BackingServer } from '@scrutin/shared/server-metrics.ts';
import type { Ports } from './reconcile/ports.ts';

/** Told of what is asked of an election's servers. */
export interface PortsObserver {
  /** A call of a port: its duration in seconds, and whether it resolved. */
  called(server: BackingServer, name: string, seconds: number, ok: boolean): void;
  /** Voters that were counted in Redis, and the number that was published. */
  audited(audit: { counted: number; published: number }): void;
}

/** The calls that are measured. Those that read the electorate's source or wait for the voters are none of a server's. */
export const SERVER_CALLS = {
  redis: ['ping', 'sound', 'publish', 'published', 'remove'],
  rabbitmq: ['ping', 'ensureTopology', 'depths', 'remove'],
  postgresql: [
    'ping',
    'migrate',
    'published',
    'identity',
    'publishElection',
    'counts',
    'invariants',
    'close',
    'closed',
    'remove',
  ],
} as const satisfies Record<BackingServer, readonly string[]>;

/** The same ports, with `observer` told of each call. */
export function observedPorts<P extends Ports>(ports: P, observer: PortsObserver): P {
  return {
    ...ports,
    electorate: observed(ports.electorate, 'redis', observer),
    broker: observed(ports.broker, 'rabbitmq', observer),
    ledger: observed(ports.ledger, 'postgresql', observer),
  };
}

function observed<T extends object>(port: T, server: BackingServer, observer: PortsObserver): T {
  const measured = new Set<string | symbol>(SERVER_CALLS[server]);
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (!measured.has(name)) return value.bind(target);
      return async (...args: unknown[]) => {
        const start = performance.now();
        const tell = (ok: boolean) =>
          observer.called(server, String(name), (performance.now() - start) / 1000, ok);
        try {
          const result: unknown = await Reflect.apply(value, target, args);
          tell(true);
          return result;
        } catch (error) {
          tell(false);
          throw error;
        }
      };
    },
  });
}
