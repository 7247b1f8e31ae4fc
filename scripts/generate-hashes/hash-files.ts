import { join } from 'node:path';
import { LineFile } from './line-file.ts';

export type HashFormat = 'json' | 'txt';

/** What stands before the first hash, between two, and after the last. */
const FRAMES: Record<HashFormat, { begin: string; between: string; end: string; quote: string }> = {
  // A hash a line here too, so that an error can be told by its line.
  json: { begin: '{"hashes":[\n', between: ',\n', end: '\n]}\n', quote: '"' },
  txt: { begin: '', between: '\n', end: '\n', quote: '' },
};

/** The hash files of one format: `hashes.json`, or `hashes-0001.json` … of at most `perFile` hashes each. */
export class HashFiles {
  readonly #folder: string;
  readonly #format: HashFormat;
  readonly #perFile: number;
  readonly #finished: LineFile[] = [];
  #file: LineFile | undefined;
  #inFile = 0;

  constructor(folder: string, format: HashFormat, perFile = Number.POSITIVE_INFINITY) {
    this.#folder = folder;
    this.#format = format;
    this.#perFile = perFile;
  }

  /** The name of the file with this number, counted from 1. */
  static fileName(format: HashFormat, number: number, split: boolean): string {
    return split ? `hashes-${String(number).padStart(4, '0')}.${format}` : `hashes.${format}`;
  }

  /** Takes a hash of 64 digits. A promise only when there is something to wait for. */
  write(digits: string): Promise<void> | undefined {
    const file = this.#file;
    if (!file || this.#inFile === this.#perFile) return this.#next().then(() => this.write(digits));
    const { begin, between, quote } = FRAMES[this.#format];
    file.write(`${this.#inFile++ === 0 ? begin : between}${quote}${digits}${quote}`);
    return file.full ? file.flush() : undefined;
  }

  /** Ends the last file. Resolves with the paths of all. */
  async finish(): Promise<string[]> {
    if (!this.#file) await this.#next();
    await this.#end();
    for (const file of this.#finished) await file.finish();
    return this.#finished.map(({ path }) => path);
  }

  async discard(): Promise<void> {
    await this.#file?.discard();
    for (const file of this.#finished) await file.discard();
  }

  async #next(): Promise<void> {
    await this.#end();
    const split = Number.isFinite(this.#perFile);
    const name = HashFiles.fileName(this.#format, this.#finished.length + 1, split);
    this.#file = await LineFile.create(join(this.#folder, name));
    this.#inFile = 0;
  }

  async #end(): Promise<void> {
    if (!this.#file) return;
    const { begin, end } = FRAMES[this.#format];
    if (this.#inFile === 0) this.#file.write(begin);
    this.#file.write(end);
    await this.#file.flush();
    this.#finished.push(this.#file);
    this.#file = undefined;
  }
}
