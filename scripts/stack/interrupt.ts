/** Milliseconds in which signals count as one: the terminal, npm and the bootstrap may each pass Ctrl-C on. */
const SAME_PRESS_MS = 1_500;

/** Follows Ctrl-C (and SIGTERM, and a closed terminal): the first stops in order, another one at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #wake: () => void = () => {};
  /** Resolves at the first signal. */
  readonly pressed: Promise<void>;

  constructor(onFirst: () => void, onSecond: () => void) {
    this.pressed = new Promise((resolve) => {
      this.#wake = resolve;
    });
    let first = 0;
    let second = false;
    const press = () => {
      if (first === 0) {
        first = Date.now();
        this.#controller.abort(new Interrupted());
        onFirst();
        this.#wake();
      } else if (!second && Date.now() - first > SAME_PRESS_MS) {
        second = true;
        onSecond();
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, press);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}

/** What a broken-off step throws after Ctrl-C. */
export class Interrupted extends Error {
  override name = 'Interrupted';
  constructor() {
    super('interrupted');
  }
}
