import type { StepError } from '../reconcile/conditions.ts';
import type { Ports } from '../reconcile/ports.ts';

/** Ports to servers that can't even be named: the first question tells why, and so does every other call. */
export function unavailablePorts(error: StepError): Ports {
  const refuse = (): Promise<never> => Promise.reject(error);
  const answer = () => Promise.resolve();
  return {
    broker: { ping: refuse, ensureTopology: refuse, isDrained: refuse, depths: refuse, remove: refuse },
    // One of the three says it: the same sentence three times helps nobody.
    electorate: {
      ping: answer,
      sound: refuse,
      sourceDigest: refuse,
      endOtherLoads: refuse,
      load: refuse,
      followLedger: refuse,
      doubtMarks: refuse,
      publish: refuse,
      published: refuse,
      remove: refuse,
    },
    ledger: {
      ping: answer,
      migrate: refuse,
      published: refuse,
      identity: refuse,
      publishElection: refuse,
      counts: refuse,
      // biome-ignore lint/correctness/useYield: it rejects before there is anything to yield.
      participants: async function* () {
        throw error;
      },
      invariants: refuse,
      close: refuse,
      closed: refuse,
      remove: refuse,
    },
    now: () => Date.now(),
  };
}
