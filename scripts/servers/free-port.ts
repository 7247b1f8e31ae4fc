import { createConnection, createServer } from 'node:net';

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

/** True if somebody on this machine takes connections on the port of 127.0.0.1. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', timeout: 1_000 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
