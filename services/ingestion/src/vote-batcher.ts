import { ScrutinError } from '@scrutin/shared/errors.ts';
import { encodeVotes, type PendingVote } from '@scrutin/shared/vote-message.ts';

export interface VoteBatcherOptions {
  /** Publishes one message, which holds these votes, and resolves after the broker's confirm. */
  publish: (content: Buffer, votes: readonly PendingVote[]) => Promise<void>;
  maxVotes: number;
  lingerMs: number;
  /** Votes taken and not confirmed yet, at the most. */
  maxPending: number;
  onMessage?: (votes: number, seconds: number) => void;
}

interface Waiting {
  vote: PendingVote;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Puts votes that arrive together into one message. One confirm then serves up to 128 voters: a quorum
 * queue's cost is by the message, so this is what makes thousands of votes a second possible.
 */
export class VoteBatcher {
  readonly #options: VoteBatcherOptions;
  #open: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #pending = 0;
  #idle: (() => void)[] = [];

  constructor(options: VoteBatcherOptions) {
    this.#options = options;
  }

  /** Votes taken and not confirmed yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Throws `overloaded` when no more votes may wait. Asked before anything of a request is read: a refusal must cost much
   * less than a vote, or those refused would take the time of those accepted.
   */
  requireRoom(): void {
    if (this.#pending >= this.#options.maxPending)
      throw new ScrutinError('overloaded', 'Try again in a moment', { retryAfter: 1 });
  }

  /**
   * Resolves after the confirm of the message that the vote travelled in (P1). Rejects with `overloaded`,
   * at once, when too many wait; with `broker-unavailable` when there was no confirm.
   */
  async add(vote: PendingVote): Promise<void> {
    this.requireRoom();
    this.#pending++;
    return new Promise((resolve, reject) => {
      this.#open.push({ vote, resolve, reject });
      if (this.#open.length >= this.#options.maxVotes) this.#send();
      else this.#timer ??= setTimeout(() => this.#send(), this.#options.lingerMs);
    });
  }

  /** Sends what is waiting and resolves when nothing is pending any more. */
  async flush(): Promise<void> {
    if (this.#open.length > 0) this.#send();
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#open;
    this.#open = [];
    const start = performance.now();
    const votes = batch.map((waiting) => waiting.vote);
    this.#options.publish(encodeVotes(votes), votes).then(
      () => {
        this.#options.onMessage?.(batch.length, (performance.now() - start) / 1000);
        this.#settle(batch);
        for (const waiting of batch) waiting.resolve();
      },
      (error: unknown) => {
        this.#settle(batch);
        for (const waiting of batch) waiting.reject(error);
      },
    );
  }

  #settle(batch: Waiting[]): void {
    this.#pending -= batch.length;
    if (this.#pending > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
