import { pause } from '@scrutin/shared/retry.ts';
import { endsInARow, restartPause } from '../servers/restarts.ts';
import type { StateFile } from '../servers/state.ts';
import type { Monitor } from './programs.ts';

/** Starts a program and resolves with its pid; calls `onEnd` with its exit code once it has ended. */
export type Start = (onEnd: (code: number) => void) => Promise<number>;

/** A program that has ended so often in a row won't run, and is not needed to count votes. */
const MOST_ENDS = 8;

interface KeeperOptions {
  file: StateFile;
  /** Told of an end that nobody asked for: once, however many attempts it takes until the program runs again. */
  note: (text: string) => void;
}

/** Keeps what watches the pipeline running: starts it again, after the same growing pauses as a stage, when it ends unasked. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #closing = new AbortController();
  readonly #closed: Promise<undefined>;
  readonly #kept: Promise<void>[] = [];

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#closed = new Promise((resolve) =>
      this.#closing.signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    );
  }

  /** Starts a program, and keeps it running from when it is ready. Rejects if it does not become so this first time. */
  async run(name: Monitor, start: Start, ready: () => Promise<void> = async () => {}): Promise<void> {
    const { ended } = await this.#start(name, start);
    await ready();
    this.#kept.push(this.#keep(name, start, ended));
  }

  /** Nothing is started from here on. What runs is left as it is. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#kept);
  }

  async #keep(name: Monitor, start: Start, running: Promise<number>): Promise<void> {
    const { file, note } = this.#options;
    const { signal } = this.#closing;
    let ended = running;
    for (let ends = 0; ; ) {
      const begun = Date.now();
      const code = await Promise.race([ended, this.#closed]);
      if (code === undefined || signal.aborted) return;
      file.setProcess(name, undefined);
      ends = endsInARow(ends, Date.now() - begun);
      const log = file.path('logs', `${name}.log`);
      if (ends === MOST_ENDS)
        return note(`${name} ended ${ends} times in a row and is not started again; see ${log}`);
      if (ends === 1) note(`${name} ended (code ${code}); starting it again`);
      await pause(restartPause(ends), signal);
      if (signal.aborted) return;
      // A program that is there no more ends as a shell says it.
      ({ ended } = await this.#start(name, start).catch(() => ({ ended: Promise.resolve(127) })));
    }
  }

  async #start(name: Monitor, start: Start): Promise<{ ended: Promise<number> }> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#options.file.setProcess(name, await start(resolve));
    return { ended: promise };
  }
}
