import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { freePort as testPort } from '@scrutin/shared/testing/free-port.ts';
import { freePort, isFree } from './free-port.ts';

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

/** Listens where the system gives nobody a port by chance. */
async function listen(): Promise<number> {
  const port = await testPort();
  server = createServer();
  await new Promise<void>((resolve, reject) =>
    server!.once('error', reject).listen(port, '127.0.0.1', resolve),
  );
  return port;
}

describe('a free port', () => {
  test('is none that somebody listens on, nor one that is taken in the state', async () => {
    const port = await listen();
    expect(await isFree(port)).toBe(false);
    const found = await freePort(port, new Set([port + 1]));
    expect(found).toBeGreaterThan(port + 1);
    expect(await isFree(found)).toBe(true);
  });
});
