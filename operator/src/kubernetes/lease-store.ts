/** What a Lease says (coordination.k8s.io/v1). */
export interface LeaseRecord {
  /** Empty: nobody. */
  holder: string;
  durationSeconds: number;
  acquiredAt: Date;
  renewedAt: Date;
  /** How often the holder has changed. */
  transitions: number;
}

export interface StoredLease {
  record: LeaseRecord;
  /** Another with every change: resourceVersion. */
  version: string;
}

/** Where the lease is kept. Everything rejects if that can't be reached. */
export interface LeaseStore {
  read(): Promise<StoredLease | undefined>;
  /** Resolves with undefined if it is there already. */
  create(record: LeaseRecord): Promise<StoredLease | undefined>;
  /** Resolves with undefined if the lease has changed since `lease` was read. */
  replace(lease: StoredLease, record: LeaseRecord): Promise<StoredLease | undefined>;
}
