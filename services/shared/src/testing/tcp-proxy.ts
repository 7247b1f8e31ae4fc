import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to a server on which a test can do what networks and killed servers do: cut, refuse, freeze; and put
 * bytes of its own into what the client reads.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<[client: Socket, upstream: Socket]>();
  #mode: 'pass' | 'refuse' | 'freeze' = 'pass';
  /** Called with each chunk from the server before it is passed on. */
  onAnswer: ((chunk: Buffer, client: Socket) => void) | undefined;
  /** Connections that clients have opened so far. */
  connections = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Starts a proxy to the server of `url`. */
  static async to(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port) });
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
    for (const [client, upstream] of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
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
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  pass(): void {
    this.#mode = 'pass';
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Sends bytes to every client as if the server had. */
  inject(bytes: Buffer): void {
    for (const [client] of this.#pairs) client.write(bytes);
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    this.connections++;
    if (this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.#target, noDelay: true });
    const pair: [Socket, Socket] = [client, upstream];
    this.#pairs.add(pair);
    client.setNoDelay(true);
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      this.onAnswer?.(chunk, client);
      if (!client.destroyed) client.write(chunk);
    });
    for (const [socket, other] of [pair, [upstream, client] as const]) {
      socket.on('error', () => {});
      socket.on('end', () => other.end());
      socket.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
      if (this.#mode === 'freeze') socket.pause();
    }
  }
}
