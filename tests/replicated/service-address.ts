import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * One address in front of several servers, as a Service of Kubernetes or a load balancer is: a new connection
 * goes to one that takes it, and a connection that stands stays where it is.
 */
export class ServiceAddress {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #ports: readonly number[];
  #turn = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((client) => this.#join(client, this.#ports.length));
  }

  static async open(ports: readonly number[]): Promise<ServiceAddress> {
    const service = new ServiceAddress(ports);
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on these servers are behind the address; connections to others are cut. */
  lead(ports: readonly number[]): void {
    this.#ports = ports;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.lead([]);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, tries: number): void {
    client.on('error', () => {});
    if (tries === 0 || this.#ports.length === 0) {
      client.destroy();
      return;
    }
    const port = this.#ports[this.#turn++ % this.#ports.length]!;
    const server = connect({ host: '127.0.0.1', port, noDelay: true });
    server.once('error', () => {
      if (!server.remotePort && !client.destroyed) this.#join(client, tries - 1);
      else client.destroy();
    });
    server.once('connect', () => {
      client.setNoDelay(true);
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }
}
