import { setImmediate as macrotask } from 'node:timers';

/** One life of a process. What a killed one still had to do never happens. */
export class Incarnation {
  readonly name: string;
  alive = true;

  constructor(name: string) {
    this.name = name;
  }
}

interface Timer {
  owner: Incarnation | undefined;
  at: number;
  run: () => void;
}

/** What may happen next. */
export interface Step {
  /** A timer, and not something that is under way. */
  timer: boolean;
  owner: Incarnation | undefined;
  run: () => void;
}

/** At a server: done, or it waits for something there (a row's lock) and is asked again later. */
export type Effect = () => unknown;

/**
 * A connection of a process to a server: what was sent arrives in order, one item a step, or never. Its two ends
 * learn of its end each in a step of its own, so that for a while each may take it for alive.
 */
export class Link {
  readonly client: Incarnation;
  readonly #toServer: Effect[] = [];
  readonly #toClient: (() => void)[] = [];
  #cut = false;
  /** The server has not noticed that the connection is gone. */
  serverOpen = true;
  /** Neither has the client. */
  clientOpen = true;
  /** The first item waits at the server. */
  stalled = false;
  onServerClosed: () => void = () => {};
  onClientClosed: () => void = () => {};

  constructor(client: Incarnation) {
    this.client = client;
  }

  /** Sends to the server. What is sent into a dead connection is lost without a word. */
  send(effect: Effect): void {
    if (!this.#cut) this.#toServer.push(effect);
  }

  /** Sends to the client. */
  reply(run: () => void): void {
    if (!this.#cut) this.#toClient.push(run);
  }

  /** Breaks the connection; the first `served` and `told` items that are under way still arrive. */
  cut(served = 0, told = 0): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#toServer.length = Math.min(served, this.#toServer.length);
    this.#toServer.push(() => this.#closeServer());
    this.#toClient.length = Math.min(told, this.#toClient.length);
    this.#toClient.push(() => this.#closeClient());
  }

  /** The server is gone: what lay there unread is lost, and it remembers no connection. */
  serverGone(told = 0): void {
    this.cut(0, told);
    if (this.serverOpen) this.#closeServer();
  }

  /** The process is gone: nothing reaches it any more. */
  clientGone(served = 0): void {
    this.cut(served, 0);
    this.clientOpen = false;
    this.#toClient.length = 0;
  }

  get finished(): boolean {
    return !this.serverOpen && !this.clientOpen;
  }

  /** An item has arrived at the server, and may be dealt with. */
  get serves(): boolean {
    return this.serverOpen && !this.stalled && this.#toServer.length > 0;
  }

  /** An item has arrived at the client. */
  get tells(): boolean {
    return this.clientOpen && this.#toClient.length > 0;
  }

  readonly serve = (): void => {
    if (this.#toServer[0]!() === 'waits') this.stalled = true;
    else this.#toServer.shift();
  };

  readonly tell = (): void => this.#toClient.shift()!();

  #closeServer(): void {
    this.serverOpen = false;
    this.stalled = false;
    this.#toServer.length = 0;
    this.onServerClosed();
  }

  #closeClient(): void {
    this.clientOpen = false;
    this.#toClient.length = 0;
    this.onClientClosed();
  }
}

/**
 * Time and chance of a simulated machine park. The code of every process runs in here as it is; whatever it waits
 * for, an answer or a timer, is a step that is taken when the schedule says so.
 */
export class World {
  now = Date.parse('2026-05-04T10:00:00.000Z');
  current: Incarnation | undefined;
  /** Steps taken so far. */
  taken = 0;
  readonly #links = new Set<Link>();
  readonly #timers = new Set<Timer>();
  readonly #real = { setTimeout, clearTimeout, random: Math.random, stack: Error.stackTraceLimit };

  /** Puts the simulated clock in place of the real one. */
  enter(): void {
    const later = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): Timer => {
      const timer = { owner: this.current, at: this.now + ms, run: () => run(...args) };
      this.#timers.add(timer);
      return timer;
    };
    globalThis.setTimeout = later as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: Timer) =>
      void this.#timers.delete(timer)) as unknown as typeof clearTimeout;
    // Jitter alone asks for it.
    Math.random = () => 0.5;
    // Failures are what most of a run is made of: their stacks would cost half of it.
    Error.stackTraceLimit = 0;
  }

  leave(): void {
    globalThis.setTimeout = this.#real.setTimeout;
    globalThis.clearTimeout = this.#real.clearTimeout;
    Math.random = this.#real.random;
    Error.stackTraceLimit = this.#real.stack;
  }

  link(client: Incarnation): Link {
    const link = new Link(client);
    this.#links.add(link);
    return link;
  }

  get links(): Link[] {
    return [...this.#links];
  }

  /** Lets a process's code begin something of its own accord, and go on until it waits. */
  async begin(owner: Incarnation | undefined, run: () => unknown): Promise<void> {
    this.current = owner;
    run();
    await settled();
    this.current = undefined;
  }

  /** How many things may happen next. */
  get choices(): number {
    let count = this.#timers.size;
    for (const link of this.#links) {
      if (link.finished) this.#links.delete(link);
      else count += Number(link.serves) + Number(link.tells);
    }
    return count;
  }

  /** One of them: items under way, oldest connection first, then timers by their time. */
  choice(number: number): Step | undefined {
    let left = number;
    for (const { serves, tells, client, serve, tell } of this.#links) {
      if (serves && left-- === 0) return { timer: false, owner: client, run: serve };
      if (tells && left-- === 0) return { timer: false, owner: client, run: tell };
    }
    const timer = [...this.#timers].sort((a, b) => a.at - b.at)[left];
    return timer && { timer: true, owner: timer.owner, run: () => this.#expire(timer) };
  }

  take(step: Step): Promise<void> {
    this.taken++;
    return this.begin(step.owner, step.run);
  }

  /** SIGKILL. Of each connection's last words the server may still read some: `served` says how many. */
  kill(process: Incarnation, served: () => number): void {
    process.alive = false;
    for (const link of this.#links) if (link.client === process) link.clientGone(served());
    for (const timer of this.#timers) if (timer.owner === process) this.#timers.delete(timer);
  }

  #expire(timer: Timer): void {
    this.#timers.delete(timer);
    this.now = Math.max(this.now, timer.at);
    timer.run();
  }
}

/** Resolves when no promise has anything left to do. */
const settled = (): Promise<void> => new Promise((resolve) => macrotask(resolve));
