import { type CoordinationV1Api, type V1Lease, V1MicroTime } from '@kubernetes/client-node';
import { isConflict, isNotFound } from './kube-error.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';

/** A Lease on a cluster. */
export class KubeLeaseStore implements LeaseStore {
  readonly #api: CoordinationV1Api;
  readonly #namespace: string;
  readonly #name: string;

  constructor(api: CoordinationV1Api, namespace: string, name: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#name = name;
  }

  async read(): Promise<StoredLease | undefined> {
    try {
      return toStored(await this.#api.readNamespacedLease({ name: this.#name, namespace: this.#namespace }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  create(record: LeaseRecord): Promise<StoredLease | undefined> {
    return unlessConflict(
      this.#api.createNamespacedLease({ namespace: this.#namespace, body: this.#toLease(record) }),
    );
  }

  replace(lease: StoredLease, record: LeaseRecord): Promise<StoredLease | undefined> {
    const body = this.#toLease(record, lease.version);
    return unlessConflict(
      this.#api.replaceNamespacedLease({ name: this.#name, namespace: this.#namespace, body }),
    );
  }

  #toLease(record: LeaseRecord, resourceVersion?: string): V1Lease {
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: this.#name, namespace: this.#namespace, ...(resourceVersion && { resourceVersion }) },
      spec: {
        holderIdentity: record.holder,
        leaseDurationSeconds: record.durationSeconds,
        acquireTime: new V1MicroTime(record.acquiredAt),
        renewTime: new V1MicroTime(record.renewedAt),
        leaseTransitions: record.transitions,
      },
    };
  }
}

/** Gone meanwhile counts as changed meanwhile. */
async function unlessConflict(written: Promise<V1Lease>): Promise<StoredLease | undefined> {
  try {
    return toStored(await written);
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return undefined;
    throw error;
  }
}

function toStored({ metadata, spec }: V1Lease): StoredLease {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = spec ?? {};
  return {
    version: metadata?.resourceVersion ?? '',
    record: {
      holder: holderIdentity ?? '',
      durationSeconds: leaseDurationSeconds ?? 1,
      acquiredAt: new Date(acquireTime ?? 0),
      renewedAt: new Date(renewTime ?? 0),
      transitions: leaseTransitions ?? 0,
    },
  };
}
