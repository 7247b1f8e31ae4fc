import { freePort } from '../../scripts/servers/free-port.ts';

/**
 * Gives ports of 127.0.0.1, each once. They lie below those that the kernel gives to outgoing connections, and begin anywhere:
 * neither a connection nor another run of these tests shall take the port of a server that is down for a moment.
 */
export function portSource(): () => Promise<number> {
  const first = 25_000 + Math.floor(Math.random() * 7_000);
  const taken = new Set<number>();
  let asked: Promise<number> = Promise.resolve(first);
  return () => {
    // One after the other: two that look at the same time would find the same port.
    asked = asked.then(async () => {
      const port = await freePort(first, taken);
      taken.add(port);
      return port;
    });
    return asked;
  };
}
