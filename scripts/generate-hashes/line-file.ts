import { type FileHandle, open, rename, rm } from 'node:fs/promises';

const FLUSH_CHARACTERS = 1 << 17;

/**
 * Writes a file of many lines with little memory, readable by its owner only: until {@link finish} it has another
 * name, so that what stands under the final one is complete.
 */
export class LineFile {
  readonly path: string;
  readonly #unfinished: string;
  readonly #file: FileHandle;
  #lines: string[] = [];
  #characters = 0;

  private constructor(path: string, unfinished: string, file: FileHandle) {
    this.path = path;
    this.#unfinished = unfinished;
    this.#file = file;
  }

  static async create(path: string): Promise<LineFile> {
    const unfinished = `${path}.unfinished`;
    // A left-over of another run may have another mode.
    await rm(unfinished, { force: true });
    return new LineFile(path, unfinished, await open(unfinished, 'wx', 0o600));
  }

  /** Takes text; {@link full} tells when to wait for {@link flush}. ASCII only. */
  write(text: string): void {
    this.#lines.push(text);
    this.#characters += text.length;
  }

  get full(): boolean {
    return this.#characters >= FLUSH_CHARACTERS;
  }

  /** Resolves when what was taken is with the operating system. */
  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#lines.join(''), 'latin1');
    this.#lines = [];
    this.#characters = 0;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.#file.close();
    await rename(this.#unfinished, this.path);
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#unfinished, { force: true });
  }
}
