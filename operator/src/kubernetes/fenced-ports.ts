import type { Ports } from '../reconcile/ports.ts';

/**
 * Ports every call of which is refused once `fence` throws: what a process that leads no more had begun can't write
 * anything, however long it takes to notice.
 */
export function fencedPorts(ports: Ports, fence: () => void): Ports {
  return {
    broker: fenced(ports.broker, fence),
    electorate: fenced(ports.electorate, fence),
    ledger: fenced(ports.ledger, fence),
    now: ports.now,
  };
}

const fenced = <T extends object>(port: T, fence: () => void): T =>
  new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        fence();
        return Reflect.apply(value, target, args);
      };
    },
  });
