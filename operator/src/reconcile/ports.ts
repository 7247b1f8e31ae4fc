import type { PublishedElection } from '@scrutin/shared/election.ts';
import type { QueueName } from '@scrutin/shared/topology.ts';
import type { ElectorateLayout } from '@scrutin/shared/voter-slot.ts';
import type { Election } from '../election-resource.ts';

/** RabbitMQ, as the reconciler needs it. */
export interface BrokerPort {
  /** Rejects with a sentence for people if the broker can't be used. */
  ping(): Promise<void>;
  /**
   * Makes what is missing of the election's topology; resolves with what was made, in words. `beforeQueues` is called once,
   * before the first missing queue is made; if it rejects, none is.
   */
  ensureTopology(electionId: string, beforeQueues: () => Promise<void>): Promise<string[]>;
  /**
   * True only if no vote is on its way: nothing ready and nothing unacknowledged in any queue, review's
   * included. Takes seconds to be sure; an aborted `signal` ends it with false.
   */
  isDrained(electionId: string, signal?: AbortSignal): Promise<boolean>;
  depths(
    electionId: string,
  ): Promise<Record<QueueName, { ready: number; unacknowledged: number; consumers: number }>>;
  remove(electionId: string): Promise<void>;
}

export interface ElectorateCounts {
  /** SHA-256 of the source. */
  source?: string;
  processed: number;
  unique: number;
  duplicates: number;
  errors: number;
}

export interface SoundElectorate extends ElectorateCounts {
  layout: ElectorateLayout;
  /** It was made with the pepper that this process has. */
  ownPepper: boolean;
}

export interface LoadedElectorate extends ElectorateCounts {
  layout: ElectorateLayout;
  /** The first bad lines, in words. */
  samples: readonly string[];
}

/** Redis and the electorate's source, as the reconciler needs them. */
export interface ElectoratePort {
  ping(): Promise<void>;
  /** The electorate if it is complete, and every voter of it is there; undefined if it must be loaded. */
  sound(): Promise<SoundElectorate | undefined>;
  /**
   * SHA-256 of the source as it is now. Rejects with a sentence for people if it can't be read, and when `signal` is
   * aborted: a source may answer never.
   */
  sourceDigest(election: Election, signal?: AbortSignal): Promise<string>;
  /**
   * Ends every load from another source than the Election names now: once this has resolved it changes nothing any more,
   * also if it has yet to begin.
   */
  endOtherLoads(election: Election): Promise<void>;
  /**
   * Loads the source, or goes on where an earlier load stopped; `marks` is who has voted already, put back
   * before workers go on. Leaves the electorate not ready if it holds nobody.
   */
  load(
    election: Election,
    options: {
      marks: () => AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>;
      signal?: AbortSignal | undefined;
      onProgress?: ((progress: ElectorateProgress) => void) | undefined;
    },
  ): Promise<LoadedElectorate>;
  /**
   * Makes the voted marks agree with the ledger of that name, if they are another's or in doubt. Resolves with the number
   * of marks before and after, or undefined if nothing was to be done.
   */
  followLedger(
    identity: string,
    participants: () => AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>,
  ): Promise<{ before: number; after: number } | undefined>;
  /** Votes that were marked may be lost: {@link followLedger} will make the marks anew. */
  doubtMarks(): Promise<void>;
  publish(election: PublishedElection): Promise<void>;
  published(): Promise<PublishedElection | undefined>;
  remove(): Promise<void>;
}

export interface ElectorateProgress {
  processed: number;
  errors: number;
  /** Share of the source read so far, 0 to 1, if its size is known. */
  share?: number | undefined;
}

/** PostgreSQL, as the reconciler needs it. */
export interface LedgerPort {
  ping(): Promise<void>;
  /** Brings database and schema up to date; resolves with the migrations applied now. */
  migrate(): Promise<string[]>;
  /** The election as last stored; undefined before the first time, also if there is no database or no table yet. */
  published(): Promise<{ election: PublishedElection; phase: string } | undefined>;
  /** Another after the database was restored, or the server was replaced. */
  identity(): Promise<string>;
  publishElection(election: PublishedElection, phase: string): Promise<void>;
  counts(): Promise<{ lawId: string; oui: number; non: number; total: number }[]>;
  participants(): AsyncIterable<{ lawId: string; voters: readonly Buffer[] }>;
  invariants(): Promise<{ ok: boolean; problems: readonly string[] }>;
  close(digest: string, at: Date): Promise<void>;
  closed(): Promise<{ at: Date; digest: string } | undefined>;
  remove(): Promise<void>;
}

/** All that the reconciler touches. */
export interface Ports {
  broker: BrokerPort;
  electorate: ElectoratePort;
  ledger: LedgerPort;
  /** Milliseconds since the epoch. */
  now(): number;
}
