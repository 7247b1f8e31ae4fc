import type { Ports } from '../reconcile/ports.ts';
import type { StepAside } from './work-queue.ts';

/** Ports whose long waits (a load, the emptying of the queues) take no worker from other Elections. */
export function steppingAside(ports: Ports, aside: StepAside): Ports {
  const { broker, electorate } = ports;
  return {
    ...ports,
    broker: {
      ping: () => broker.ping(),
      ensureTopology: (electionId) => broker.ensureTopology(electionId),
      isDrained: (electionId) => aside(() => broker.isDrained(electionId)),
      depths: (electionId) => broker.depths(electionId),
      remove: (electionId) => broker.remove(electionId),
    },
    electorate: {
      ping: () => electorate.ping(),
      sound: () => electorate.sound(),
      sourceDigest: (election) => electorate.sourceDigest(election),
      load: (election, options) => aside(() => electorate.load(election, options)),
      publish: (election) => electorate.publish(election),
      published: () => electorate.published(),
      remove: () => electorate.remove(),
    },
  };
}
