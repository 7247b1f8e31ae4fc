import { createServer, type Server } from 'node:http';
import { type CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { kubeClients } from '../kube-clients.ts';

/** Secrets and ConfigMaps of the namespace `default` on an API server that knows nothing else. */
export class FakeObjects {
  readonly core: CoreV1Api;
  readonly #server: Server;
  readonly #objects = new Map<string, object>();
  readonly #forbidden = new Set<string>();
  #version = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'test' },
    );
    this.core = kubeClients(config).core;
    server.on('request', (request, response) => {
      const match = /^\/api\/v1\/namespaces\/default\/(secrets|configmaps)\/([^/?]+)$/.exec(
        request.url ?? '',
      );
      const key = match ? `${match[1]}/${match[2]}` : '';
      const object = this.#objects.get(key);
      const code = this.#forbidden.has(key) ? 403 : object ? 200 : 404;
      const status = { kind: 'Status', apiVersion: 'v1', code, message: `${key}: ${code}` };
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(code === 200 ? object : status));
    });
  }

  static async start(): Promise<FakeObjects> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeObjects(server, (server.address() as { port: number }).port);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  putSecret(name: string, entries: Record<string, string>): void {
    const encode = ([key, text]: [string, string]) => [key, Buffer.from(text).toString('base64')];
    this.#put('secrets', name, { data: Object.fromEntries(Object.entries(entries).map(encode)) });
  }

  putConfigMap(name: string, data: Record<string, string>, binaryData: Record<string, string> = {}): void {
    this.#put('configmaps', name, { data, binaryData });
  }

  remove(kind: 'secrets' | 'configmaps', name: string): void {
    this.#objects.delete(`${kind}/${name}`);
  }

  forbid(kind: 'secrets' | 'configmaps', name: string): void {
    this.#forbidden.add(`${kind}/${name}`);
  }

  #put(kind: string, name: string, content: object): void {
    const metadata = { name, namespace: 'default', uid: name, resourceVersion: String(++this.#version) };
    this.#objects.set(`${kind}/${name}`, { metadata, ...content });
  }
}
