import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface DoorOptions {
  /** Begins a request's work. */
  serve: (request: IncomingMessage, response: ServerResponse, waitedMs: number) => void;
  /** Answers a request that isn't let in, in a fraction of the time that its work would take. */
  refuse: RequestListener;
  /** Told of a request whose client has gone while it waited; it gets no work and no answer. */
  onAbandoned: (request: IncomingMessage) => void;
  /** How many more requests may wait here now. */
  room: () => number;
  /** Requests whose work begins in one turn of the event loop, at the most. */
  perTurn: number;
  /** Turns in a row that only look, at the most, while there are new connections. */
  looks: number;
  /** A request that would wait longer than this until its work begins is refused, unless it is among the next two turns'. Milliseconds. */
  maxWaitMs: number;
  /** A monotonic clock, milliseconds. */
  now?: () => number;
}

type Waiting = readonly [request: IncomingMessage, response: ServerResponse, since: number];

/** The pace is the median of so many turns: one in which the process stood still says nothing. */
const TURNS = 15;

/**
 * Where votes wait until it is their turn, so that a process which is sent more than it can do says so at once (P6).
 *
 * Work that is begun where a request arrives keeps the event loop from the requests behind it: they wait unseen in their
 * sockets, for as long as there are clients, and neither a limit nor a 503 reaches them. Here each turn of the loop first looks at all
 * that has arrived, which costs little, and then begins the work of some. What would wait too long, by the pace of the last
 * turns, is refused; probes never wait.
 *
 * Node accepts one new connection in a turn (libuv's `uv__server_io`). So a turn in which there was one begins no work, within bounds: the next
 * looks again, for a hundredth of what the work takes, or clients that come anew would wait in the kernel, where no 503 reaches them.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #connected = false;
  #looks = 0;
  /** When the turn before began its work; undefined if nothing was left for this one. */
  #lastTurn: { at: number; begun: number } | undefined;
  /** What a request took in the last turns, and the median of that. */
  #paces: number[] = [];
  #msPerRequest = 0;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Requests whose work has not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether a request would be refused now. */
  get full(): boolean {
    const waiting = this.#waiting.length;
    const { room, maxWaitMs, perTurn } = this.#options;
    // Without two turns' worth of room a pace that was measured while the process stood still would never be measured again.
    const late = waiting >= 2 * perTurn && waiting * this.#msPerRequest > maxWaitMs;
    return late || waiting >= room();
  }

  /** Takes a request in, or refuses it at once. */
  readonly enter: RequestListener = (request, response) => {
    if (this.full) {
      this.#options.refuse(request, response);
      return;
    }
    this.#waiting.push([request, response, this.#now()]);
    this.#schedule();
  };

  /** To be told of each new connection. */
  readonly connected = (): void => {
    this.#connected = true;
  };

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After all that has arrived was looked at.
    setImmediate(() => this.#work());
  }

  #work(): void {
    this.#scheduled = false;
    if (this.#looksAgain()) {
      this.#schedule();
      return;
    }
    this.#learn();
    const { perTurn, serve, onAbandoned } = this.#options;
    const batch = this.#waiting.splice(0, perTurn);
    const more = this.#waiting.length > 0;
    const now = this.#now();
    this.#lastTurn = more ? { at: now, begun: batch.length } : undefined;
    if (more) this.#schedule();
    for (const [request, response, since] of batch) {
      if (response.destroyed) onAbandoned(request);
      else serve(request, response, now - since);
    }
  }

  #looksAgain(): boolean {
    const again = this.#connected && this.#looks < this.#options.looks;
    this.#connected = false;
    this.#looks = again ? this.#looks + 1 : 0;
    return again;
  }

  /** From one full turn to the next: all that a request takes of this process, refusals and answers in between included. */
  #learn(): void {
    if (!this.#lastTurn) return;
    const { at, begun } = this.#lastTurn;
    this.#paces = [...this.#paces.slice(1 - TURNS), (this.#now() - at) / begun];
    const sorted = this.#paces.toSorted((a, b) => a - b);
    this.#msPerRequest = sorted[(sorted.length - 1) >> 1]!;
  }
}
