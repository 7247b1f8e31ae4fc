import { isDeepStrictEqual } from 'node:util';
import type { ElectionStatus } from '../election-resource.ts';
import type { RawElection } from './election-informer.ts';

export interface StatusWriterOptions {
  /** Stores the status; rejects if it could not be. */
  write: (election: RawElection, status: ElectionStatus) => Promise<void>;
  /** Called before each write; throws if this process may not write any more. */
  fence: () => void;
}

/** Writes the status of Elections, only when it says something new. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** By uid, what was written last: the informer may not have seen it yet. */
  readonly #written = new Map<string, ElectionStatus>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The status as this process wrote it last, or as it is stored. */
  current(election: RawElection): Partial<ElectionStatus> | undefined {
    return (
      this.#written.get(election.metadata.uid) ?? (election.status as Partial<ElectionStatus> | undefined)
    );
  }

  /** Resolves with true if the status was written, false if it is so already. */
  async put(election: RawElection, status: ElectionStatus): Promise<boolean> {
    const plain = JSON.parse(JSON.stringify(status)) as ElectionStatus;
    // Compared with what is stored as well: what somebody else has put there, or taken away, is written again.
    if (isDeepStrictEqual(plain, this.current(election)) && isDeepStrictEqual(plain, election.status))
      return false;
    this.#options.fence();
    await this.#options.write(election, plain);
    this.#written.set(election.metadata.uid, plain);
    return true;
  }

  forget(uid: string): void {
    this.#written.delete(uid);
  }

  clear(): void {
    this.#written.clear();
  }
}
