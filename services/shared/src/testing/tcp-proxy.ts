import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Hold, type MarkReader, TcpFlow } from './tcp-flow.ts';

export type Direction = 'toServer' | 'toClient';
const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

export interface TcpProxyOptions {
  /** Readers of what passes, a new one a connection, for {@link TcpProxy.holdAt}. */
  marks?: Partial<Record<Direction, () => MarkReader>>;
}

interface Pair {
  client: Socket;
  upstream: Socket;
  flows: Record<Direction, TcpFlow>;
}

/**
 * A way to a server on which a test can do what networks and killed servers do: cut, refuse, freeze, delay, swallow,
 * hold at a given message; and put bytes of its own into what the client reads.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #options: TcpProxyOptions;
  readonly #pairs = new Set<Pair>();
  readonly #holds: Record<Direction, Set<Hold>> = { toServer: new Set(), toClient: new Set() };
  #mode: 'pass' | 'refuse' | 'freeze' = 'pass';
  #delayMs = 0;
  /** Called with each chunk from the server before it is passed on. */
  onAnswer: ((chunk: Buffer, client: Socket) => void) | undefined;
  /** Connections that clients have opened so far. */
  connections = 0;

  private constructor(target: { host: string; port: number }, options: TcpProxyOptions) {
    this.#target = target;
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
  }

  /** Starts a proxy to the server of `url`. */
  static async to(url: string, options: TcpProxyOptions = {}): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port) }, options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || !address) throw new Error('the proxy is not listening');
    return address.port;
  }

  /** `url` with the proxy's address in place of the server's. */
  through(url: string): string {
    const proxied = new URL(url);
    proxied.hostname = '127.0.0.1';
    proxied.port = String(this.port);
    return proxied.href;
  }

  /** Breaks every connection without a word, as a SIGKILL of the server does. */
  cut(): void {
    for (const pair of this.#pairs) {
      reset(pair.client);
      reset(pair.upstream);
      this.#pairs.delete(pair);
    }
  }

  /** Breaks every connection and takes no new one until {@link pass}. */
  refuse(): void {
    this.#mode = 'refuse';
    this.cut();
  }

  /** Keeps connections open and moves nothing any more, as a stopped process or a lost route does. */
  freeze(): void {
    this.#mode = 'freeze';
    for (const { client, upstream } of this.#pairs) for (const socket of [client, upstream]) socket.pause();
  }

  pass(): void {
    this.#mode = 'pass';
    for (const { client, upstream } of this.#pairs) for (const socket of [client, upstream]) socket.resume();
  }

  /** Everything takes so many milliseconds longer, each way, from now on. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const { flows } of this.#pairs) for (const direction of DIRECTIONS) flows[direction].delayMs = ms;
  }

  /**
   * The connections that are open now become half-open ones: bytes are read and get lost, and neither side
   * learns that the other has closed. New connections are as they should be.
   */
  swallow(directions: readonly Direction[] = DIRECTIONS): void {
    for (const { flows } of this.#pairs)
      for (const direction of directions) flows[direction].swallowing = true;
  }

  /**
   * On the first connection on which the mark is seen, nothing more moves in that direction: neither the mark
   * (with `after`, it alone still passes) nor what follows. `onHeld` is called at that moment, once; the flow
   * it is given can be released. Returns a function that calls the hold off.
   */
  holdAt(
    direction: Direction,
    mark: string,
    onHeld: (flow: TcpFlow) => void,
    options: { after?: boolean } = {},
  ): () => void {
    const hold: Hold = { mark, after: options.after ?? false, onHeld };
    this.#holds[direction].add(hold);
    return () => this.#holds[direction].delete(hold);
  }

  /** Sends bytes to every client as if the server had. */
  inject(bytes: Buffer): void {
    for (const { client } of this.#pairs) client.write(bytes);
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    this.connections++;
    if (this.#mode === 'refuse') {
      reset(client);
      return;
    }
    const upstream = connect({ ...this.#target, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    const flow = (direction: Direction, to: Socket) => {
      const made = new TcpFlow(to, this.#options.marks?.[direction]?.(), (name) =>
        this.#take(direction, name),
      );
      made.delayMs = this.#delayMs;
      return made;
    };
    const flows = { toServer: flow('toServer', upstream), toClient: flow('toClient', client) };
    const pair: Pair = { client, upstream, flows };
    this.#pairs.add(pair);
    client.on('data', (chunk) => flows.toServer.push(chunk));
    upstream.on('data', (chunk) => {
      this.onAnswer?.(chunk, client);
      flows.toClient.push(chunk);
    });
    for (const [socket, other, out] of [
      [client, upstream, flows.toServer],
      [upstream, client, flows.toClient],
    ] as const) {
      socket.on('error', () => {});
      socket.on('end', () => out.end());
      socket.on('close', () => {
        if (out.swallowing && !other.destroyed) return;
        out.close();
        this.#pairs.delete(pair);
      });
      if (this.#mode === 'freeze') socket.pause();
    }
  }

  #take(direction: Direction, name: string): Hold | undefined {
    for (const hold of this.#holds[direction])
      if (hold.mark === name) {
        this.#holds[direction].delete(hold);
        return hold;
      }
    return undefined;
  }
}

/**
 * Breaks a connection without a word. One that is just being ended can't be reset (libuv's uv_tcp_close_reset refuses): Node.js would
 * leave it open and, for its sake, never end by itself.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
