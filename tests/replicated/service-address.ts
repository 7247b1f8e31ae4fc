import { connect, createServer, type Server, type Socket } from 'node:net';
import { within } from '@scrutin/shared/testing/within.ts';

/** A server of this machine takes a connection at once or not at all. */
const CONNECT_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 10_000;

/**
 * One address in front of several servers, as a Service of Kubernetes or a load balancer is: a new connection
 * goes to one that takes it, and a connection that stands stays where it is.
 */
export class ServiceAddress {
  readonly #server: Server;
  /** What clients have opened, also while no server has taken it yet. */
  readonly #clients = new Set<Socket>();
  #ports: readonly number[];
  #turn = 0;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((client) => {
      this.#clients.add(client);
      client.setNoDelay(true);
      client.on('error', () => {});
      client.once('close', () => this.#clients.delete(client));
      this.#join(client, this.#ports.length);
    });
  }

  static async open(ports: readonly number[]): Promise<ServiceAddress> {
    const service = new ServiceAddress(ports);
    await new Promise<void>((resolve, reject) => {
      service.#server.once('error', reject);
      service.#server.listen(0, '127.0.0.1', resolve);
    });
    return service;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** From now on these servers are behind the address; all connections that stand are cut. */
  lead(ports: readonly number[]): void {
    this.#ports = ports;
    for (const client of this.#clients) client.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.lead([]);
    await within('an address is closed', closed, CLOSE_LIMIT_MS);
  }

  #join(client: Socket, tries: number): void {
    if (client.destroyed) return;
    if (tries === 0 || this.#ports.length === 0) {
      client.destroy();
      return;
    }
    const port = this.#ports[this.#turn++ % this.#ports.length]!;
    const server = connect({ host: '127.0.0.1', port, noDelay: true, timeout: CONNECT_LIMIT_MS });
    let joined = false;
    server.on('error', () => {});
    server.once('timeout', () => server.destroy());
    client.once('close', () => server.destroy());
    server.once('close', () => {
      if (joined) client.destroy();
      else this.#join(client, tries - 1);
    });
    server.once('connect', () => {
      joined = true;
      server.setTimeout(0);
      client.pipe(server);
      server.pipe(client);
    });
  }
}
