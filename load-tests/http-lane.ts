import { connect, type Socket } from 'node:net';

export interface LaneResponse {
  status: number;
  body: string;
  /** Seconds, if the response had a Retry-After header. */
  retryAfter: number | undefined;
}

interface Pending {
  resolve: (response: LaneResponse) => void;
  reject: (error: Error) => void;
}

/**
 * One keep-alive connection that carries one request at a time: HTTP/1.1, no more than a load generator
 * needs. On two cores the generator shares the machine with what it measures, and a full client costs as
 * much as the server.
 */
export class HttpLane {
  readonly #host: string;
  readonly #port: number;
  readonly #timeoutMs: number;
  #socket: Socket | undefined;
  #pending: Pending | undefined;
  #received = Buffer.alloc(0);

  constructor(baseUrl: string, timeoutMs = 30_000) {
    const { hostname, port } = new URL(baseUrl);
    this.#host = hostname;
    this.#port = Number(port || 80);
    this.#timeoutMs = timeoutMs;
  }

  /** The bytes of a POST of JSON, so that a benchmark can prepare them beforehand. */
  static post(path: string, body: string, headers: Record<string, string> = {}): string {
    const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `POST ${path} HTTP/1.1\r\nHost: lane\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra.join('')}\r\n${body}`;
  }

  static get(path: string): string {
    return `GET ${path} HTTP/1.1\r\nHost: lane\r\n\r\n`;
  }

  /**
   * Sends prepared bytes and resolves with the whole response. Rejects when the connection breaks or the
   * time limit passes: the outcome is then unknown. The next request connects anew.
   */
  send(request: string): Promise<LaneResponse> {
    if (this.#pending) return Promise.reject(new Error('one request at a time'));
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#socket ??= this.#open();
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    this.#received = Buffer.alloc(0);
    const fail = (error: Error) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      socket.destroy();
      const pending = this.#pending;
      this.#pending = undefined;
      pending?.reject(error);
    };
    socket.setTimeout(this.#timeoutMs, () => fail(new Error('no answer in time')));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#parse();
    });
    return socket;
  }

  #parse(): void {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (this.#received.length < end) return;
    const body = this.#received.toString('utf8', headEnd + 4, end);
    this.#received = this.#received.subarray(end);
    const retryAfter = /\r\nretry-after: *(\d+)/i.exec(head)?.[1];
    const pending = this.#pending;
    this.#pending = undefined;
    if (/\r\nconnection: *close/i.test(head)) this.close();
    pending?.resolve({
      status: Number(head.slice(9, 12)),
      body,
      retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
    });
  }
}

/** Runs `work` for every item over `lanes` connections at once; `onDone` after each. */
export async function overLanes<T>(
  baseUrl: string,
  lanes: number,
  items: Iterable<T>,
  work: (lane: HttpLane, item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      const lane = new HttpLane(baseUrl);
      try {
        for (let next = iterator.next(); !next.done; next = iterator.next()) await work(lane, next.value);
      } finally {
        lane.close();
      }
    }),
  );
}
