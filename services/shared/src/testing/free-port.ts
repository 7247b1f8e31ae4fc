import { createServer } from 'node:net';

/** A TCP port of the loopback that is free now and at most `highest`. */
export async function freePort(highest = 65_535): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });
    if (port <= highest) return port;
  }
}
