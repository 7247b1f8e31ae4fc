import type { QueueDepth } from '@scrutin/shared/queue-depths.ts';
import type { QueueState } from '@scrutin/shared/queue-metrics.ts';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';

export interface QueueWatchOptions {
  /** Asks the broker. A queue that it does not tell about is left out. Never rejects. */
  depths: () => Promise<Map<QueueName, QueueDepth>>;
  intervalMs?: number;
  /** Milliseconds since the epoch. */
  clock?: () => number;
}

interface Seen {
  depth: QueueDepth | undefined;
  /** Whether messages waited when the queue was last seen; it is taken to be so while the broker is away. */
  waiting: boolean;
  firstLook: number;
  /** When it was last seen empty; -Infinity if never. Like `firstLook`, milliseconds since the epoch. */
  lastEmpty: number;
}

/**
 * Looks at the queues every second, and knows how long the oldest vote in each has waited at the most, without reading
 * it: queues are first in, first out, so what waits came after the last vote that was taken, and after the moment when
 * the queue was seen empty. It goes on growing when nobody takes votes, and when the broker can't be asked.
 */
export class QueueWatch {
  readonly #options: Required<QueueWatchOptions>;
  readonly #seen = new Map<QueueName, Seen>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #newestTaken = Number.NEGATIVE_INFINITY;

  constructor(options: QueueWatchOptions) {
    this.#options = { intervalMs: 1_000, clock: Date.now, ...options };
  }

  /** Looks now, and then at every interval. */
  start(): void {
    void this.look().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), this.#options.intervalMs).unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Tells of votes that have come through, by the timestamp of the last of them. */
  taken(timestamp: string): void {
    this.#newestTaken = Math.max(this.#newestTaken, Date.parse(timestamp));
  }

  async look(): Promise<void> {
    const { depths, clock } = this.#options;
    // Before asking: a vote may come in between.
    const asked = clock();
    const now = await depths();
    for (const queue of Object.values(QUEUES)) {
      const depth = now.get(queue);
      const seen = this.#seen.get(queue);
      const waiting = depth ? depth.messages > 0 : (seen?.waiting ?? false);
      const emptyNow = depth !== undefined && !waiting;
      this.#seen.set(queue, {
        depth,
        waiting,
        firstLook: seen?.firstLook ?? asked,
        lastEmpty: emptyNow ? asked : (seen?.lastEmpty ?? Number.NEGATIVE_INFINITY),
      });
    }
  }

  /** Each queue as last seen. */
  states(): QueueState[] {
    const now = this.#options.clock();
    return Object.values(QUEUES).map((queue) => {
      const seen = this.#seen.get(queue);
      return {
        queue,
        ready: seen?.depth?.messages,
        consumers: seen?.depth?.consumers,
        oldestSeconds: seen?.waiting ? Math.max(0, now - this.#oldestSince(queue, seen)) / 1000 : 0,
      };
    });
  }

  /** No vote that waits in the queue is older. Milliseconds since the epoch. */
  #oldestSince(queue: QueueName, { firstLook, lastEmpty }: Seen): number {
    // What goes to review waits for a person there: votes that come through say nothing of it.
    const newest = queue === QUEUES.review ? lastEmpty : Math.max(lastEmpty, this.#newestTaken);
    return Number.isFinite(newest) ? newest : firstLook;
  }
}
