import { freePort } from '../../scripts/servers/free-port.ts';

/**
 * Gives ports of 127.0.0.1, each once. Nobody shall take the port of a server that is down for a moment: they lie below
 * those that the kernel gives to outgoing connections and away from all that the project asks for elsewhere, and begin
 * anywhere, for another run of these tests.
 */
export function portSource(): () => Promise<number> {
  const first = 16_000 + Math.floor(Math.random() * 3_900);
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
