import cliProgress, { type SingleBar } from 'cli-progress';

const whole = new Intl.NumberFormat('en');

/** A number as people read it: 1,000,000. */
export const count = (value: number): string => whole.format(Math.round(value));

export interface ProgressOptions {
  /** What is counted, in the plural: `voters`. */
  unit: string;
  /** What is done: `hashing`. */
  verb: string;
  out?: NodeJS.WriteStream;
  /** Milliseconds between two lines where there is no terminal. */
  lineEveryMs?: number;
}

/**
 * How far a long work has come: a bar on a terminal, elsewhere a line every few seconds, so that a log stays
 * short and a quick work says nothing.
 */
export class Progress {
  readonly #options: Required<ProgressOptions>;
  readonly #bar: SingleBar | undefined;
  readonly #start = performance.now();
  #lastLine = performance.now();
  #started = false;

  constructor(options: ProgressOptions) {
    this.#options = { out: process.stderr, lineEveryMs: 3_000, ...options };
    const { out, unit, verb } = this.#options;
    if (out.isTTY)
      this.#bar = new cliProgress.SingleBar({
        stream: out,
        format: `${verb} {bar} {percentage} %  {text} ${unit}  {rate}/s`,
        barsize: 30,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        fps: 10,
      });
  }

  /** @param done how much of the work is done, 0 to 1; NaN if that can't be known */
  update(counted: number, done: number): void {
    const now = performance.now();
    const rate = count(counted / Math.max(0.001, (now - this.#start) / 1000));
    const { out, unit, verb, lineEveryMs } = this.#options;
    if (this.#bar) {
      const payload = { text: count(counted), rate };
      const value = Number.isNaN(done) ? 0 : Math.round(Math.min(1, done) * 1_000);
      if (this.#started) this.#bar.update(value, payload);
      else this.#bar.start(1_000, value, payload);
      this.#started = true;
    } else if (now - this.#lastLine >= lineEveryMs) {
      this.#lastLine = now;
      const percent = Number.isNaN(done) ? '' : `${Math.floor(Math.min(1, done) * 100)} %, `;
      out.write(`${verb}: ${percent}${count(counted)} ${unit}, ${rate}/s\n`);
    }
  }

  stop(): void {
    this.#bar?.stop();
  }
}
