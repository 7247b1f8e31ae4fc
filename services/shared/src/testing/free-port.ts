import { createServer } from 'node:net';

/** A Redis Cluster has its bus so far above its port. */
const BUS = 10_000;
/**
 * Where tests look: below what systems give to outgoing connections and to servers that ask for any port (32,768 on), as is the bus; and
 * below where the project's own servers begin to look. No more ports than a bus is above, or one's port might be another's bus.
 */
const FIRST = 10_300;
const COUNT = BUS;
/** Test files that run at once have ports of their own. */
const PARTS = 4;

const given = new Set<number>();

/**
 * A TCP port of the loopback that is free and stays so until the test's server binds it: nobody is given it by chance, and no other
 * call of this test file or of one beside it gets it.
 */
export async function freePort(): Promise<number> {
  const part = Number(process.env.JEST_WORKER_ID ?? 0) % PARTS;
  const start = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + ((start + i) % COUNT);
    if (port % PARTS !== part || given.has(port)) continue;
    given.add(port);
    if ((await isFree(port)) && (await isFree(port + BUS))) return port;
  }
  throw new Error('no free port is left for this test file');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
