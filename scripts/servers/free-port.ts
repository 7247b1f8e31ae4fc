import { createServer } from 'node:net';

/** True if nothing on this machine listens on the port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The first free port from `first` on that is not in `taken`. Throws if there is none in the next 500. */
export async function freePort(first: number, taken: ReadonlySet<number>): Promise<number> {
  for (let port = first; port < Math.min(first + 500, 65_536); port++)
    if (!taken.has(port) && (await isFree(port))) return port;
  throw new Error(`no free port from ${first} on`);
}
