import { StepError } from '../reconcile/conditions.ts';
import type { ServerAddresses } from '../server-ports.ts';
import type { RawElection } from './election-informer.ts';

interface Claim {
  uid: string;
  namespace: string;
  created: string;
}

/**
 * Elections of two namespaces may have one name, but not on the same servers: there the name is the key prefix, the
 * virtual host and the database. The older one has it.
 */
export class NameClaims {
  readonly #claims = new Map<string, Claim>();

  /** Throws {@link StepError} if an older Election has the name on one of the servers. */
  take({ metadata }: RawElection, addresses: ServerAddresses): void {
    const { name, namespace, uid, creationTimestamp: created = '' } = metadata;
    this.release(uid);
    const { redisUrl, rabbitmqManagementUrl, databaseUrl } = addresses;
    const places = [redisUrl, rabbitmqManagementUrl, databaseUrl].map((url) => `${name} ${placeOf(url)}`);
    for (const place of places) {
      const other = this.#claims.get(place);
      if (other && (other.created < created || (other.created === created && other.uid < uid)))
        throw new StepError(
          'NameTaken',
          `Election ${other.namespace}/${name} uses the same servers under the same name; give this one another name, or servers of its own`,
          { lasting: true },
        );
    }
    for (const place of places) this.#claims.set(place, { uid, namespace, created });
  }

  release(uid: string): void {
    for (const [place, claim] of this.#claims) if (claim.uid === uid) this.#claims.delete(place);
  }
}

function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
