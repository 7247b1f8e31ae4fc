import type { Socket } from 'node:net';

/** Something known by its bytes, in a chunk of a stream: from `start` (negative: in an earlier chunk) up to `end`. */
export interface Mark {
  name: string;
  start: number;
  end: number;
}

/** Reads one direction of one connection, chunk by chunk from its beginning, and tells what has passed. */
export type MarkReader = (chunk: Buffer) => Mark[];

/** Where a stream is to be held. */
export interface Hold {
  mark: string;
  /** The mark itself still passes. */
  after: boolean;
  onHeld: (flow: TcpFlow) => void;
}

/** One direction of a proxied connection: what it does with the bytes that are on their way. */
export class TcpFlow {
  readonly #to: Socket;
  readonly #read: MarkReader | undefined;
  readonly #holdAt: (name: string) => Hold | undefined;
  readonly #waiting: { bytes: Buffer | undefined; at: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #held = false;
  #closing = false;
  /** Bytes are read and thrown away, and so is the end of the stream. */
  swallowing = false;
  /** Milliseconds that bytes are on their way. */
  delayMs = 0;

  /** `holdAt` is asked at each mark, and returns a hold once. */
  constructor(to: Socket, read: MarkReader | undefined, holdAt: (name: string) => Hold | undefined) {
    this.#to = to;
    this.#read = read;
    this.#holdAt = holdAt;
  }

  push(chunk: Buffer): void {
    if (this.swallowing) return;
    const marks = this.#held ? [] : (this.#read?.(chunk) ?? []);
    for (const { name, start, end } of marks) {
      const hold = this.#holdAt(name);
      if (!hold) continue;
      const at = Math.max(0, hold.after ? end : start);
      this.#send(chunk.subarray(0, at));
      this.#held = true;
      this.#send(chunk.subarray(at));
      hold.onHeld(this);
      return;
    }
    this.#send(chunk);
  }

  end(): void {
    if (!this.swallowing) this.#send(undefined);
  }

  /** Where it came from is gone: what is on its way still arrives, what is held never will. */
  close(): void {
    if (this.#held || this.#waiting.length === 0) this.#to.destroy();
    else this.#closing = true;
  }

  /** What was held moves on, and so does all that follows. */
  release(): void {
    this.#held = false;
    this.#pump();
  }

  #send(bytes: Buffer | undefined): void {
    if (this.#waiting.length === 0 && !this.#held && this.delayMs === 0) this.#write(bytes);
    else {
      // Never before what was sent earlier, also when the delay has become shorter.
      const at = Math.max(performance.now() + this.delayMs, this.#waiting.at(-1)?.at ?? 0);
      this.#waiting.push({ bytes, at });
      this.#pump();
    }
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#held && this.#waiting.length > 0) {
      const left = this.#waiting[0]!.at - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.#pump(), left);
        return;
      }
      this.#write(this.#waiting.shift()!.bytes);
    }
    if (this.#closing) this.#to.destroySoon();
  }

  #write(bytes: Buffer | undefined): void {
    if (this.#to.destroyed || this.swallowing) return;
    if (bytes === undefined) this.#to.end();
    else if (bytes.length > 0) this.#to.write(bytes);
  }
}
