import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { freePort, isFree } from './free-port.ts';

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

async function listen(): Promise<number> {
  server = createServer();
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
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
