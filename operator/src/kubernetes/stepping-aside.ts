import type { Ports } from '../reconcile/ports.ts';
import type { StepAside } from './work-queue.ts';

/** Ports whose long waits (a source, a load, the emptying of the queues) take no worker from other Elections. */
export function steppingAside(ports: Ports, aside: StepAside): Ports {
  const { broker, electorate } = ports;
  return {
    ...ports,
    broker: replaced(broker, { isDrained: (...args) => aside(() => broker.isDrained(...args)) }),
    electorate: replaced(electorate, {
      sourceDigest: (...args) => aside(() => electorate.sourceDigest(...args)),
      load: (...args) => aside(() => electorate.load(...args)),
    }),
  };
}

/** `port` with other methods in place of some of its own. */
const replaced = <T extends object>(port: T, methods: Partial<T>): T =>
  new Proxy(port, {
    get: (target, name) => Reflect.get(name in methods ? methods : target, name),
  });
