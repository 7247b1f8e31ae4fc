import pc from 'picocolors';
import type { Telling } from '../servers/servers.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Seconds with one decimal, as the steps show them. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * What a command does, a line a step: `✔ Redis  127.0.0.1:26379 (0.1 s)`. On a terminal the steps that run
 * are shown below with a spinner; elsewhere a step that takes longer than two seconds says that it runs.
 */
export class Steps implements Telling {
  readonly #out: NodeJS.WriteStream;
  readonly #running = new Map<symbol, { title: string; since: number; told: boolean; progress: string }>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #drawn = 0;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  async step<T>(
    title: string,
    work: (detail: (text: string) => void, progress: (text: string) => void) => Promise<T>,
  ): Promise<T> {
    const key = Symbol(title);
    const since = Date.now();
    let detail = '';
    const running = { title, since, told: false, progress: '' };
    this.#running.set(key, running);
    this.#tick();
    const done = (mark: string) => {
      this.#running.delete(key);
      this.#line(`${mark} ${title}${detail && `  ${detail}`} ${pc.dim(`(${seconds(Date.now() - since)})`)}`);
      if (this.#running.size === 0) this.#stop();
    };
    try {
      const result = await work(
        (text) => {
          detail = text;
        },
        (text) => {
          running.progress = text;
        },
      );
      done(pc.green('✔'));
      return result;
    } catch (error) {
      done(pc.red('✖'));
      throw error;
    }
  }

  /** A line that is no step. */
  note(text: string): void {
    this.#line(text);
  }

  #line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
    this.#draw();
  }

  #tick(): void {
    this.#timer ??= setInterval(() => {
      this.#frame++;
      this.#clear();
      this.#draw();
    }, 100).unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }

  #draw(): void {
    for (const running of this.#running.values()) {
      const took = Date.now() - running.since;
      const text = `${running.title}${running.progress && `  ${running.progress}`}`;
      if (this.#out.isTTY) {
        const width = (this.#out.columns ?? 80) - 12;
        this.#out.write(
          `${pc.cyan(FRAMES[this.#frame % FRAMES.length]!)} ${text.slice(0, width)} ${pc.dim(seconds(took))}\n`,
        );
        this.#drawn++;
      } else if (took > 2_000 && !running.told) {
        running.told = true;
        this.#out.write(`… ${text}\n`);
      }
    }
  }
}

/** Ends a command with one red line (and more below it), for a person. */
export function tellFailure(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const [first, ...rest] = text.split('\n');
  process.stderr.write(`${pc.red('✖')} ${first}\n${rest.map((line) => `  ${line}\n`).join('')}`);
}

/** Runs a command's `main`; what it throws becomes one message and exit code 1. */
export async function runCommand(main: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    tellFailure(error);
    if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
}
