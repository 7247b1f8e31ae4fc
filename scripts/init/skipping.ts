import { StepError } from '../../operator/src/reconcile/conditions.ts';
import type { Ports } from '../../operator/src/reconcile/ports.ts';

export const SKIPPED = 'Skipped';

const noElectorate = () =>
  new StepError(SKIPPED, 'there is no electorate yet; load one with npm run load-hashes');

/** The ports without the parts that are to be left as they are. */
export function withSkips(ports: Ports, skip: { hashes: boolean; rabbitmq: boolean }): Ports {
  const { broker, electorate } = ports;
  return {
    ...ports,
    ...(skip.rabbitmq && {
      broker: {
        ping: async () => {},
        ensureTopology: async () => [],
        isDrained: async () => false,
        depths: (electionId: string) => broker.depths(electionId),
        remove: (electionId: string) => broker.remove(electionId),
      },
    }),
    ...(skip.hashes && {
      electorate: {
        ...electorate,
        sourceDigest: async () => {
          const present = await electorate.sound();
          if (present?.source === undefined) throw noElectorate();
          return present.source;
        },
        load: async () => {
          throw noElectorate();
        },
      },
    }),
  };
}
