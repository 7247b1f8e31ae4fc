import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from './free-port.ts';

test('a free port can be listened on, and is not above what was asked for', async () => {
  const any: number[] = [];
  for (let attempt = 0; attempt < 21; attempt++) any.push(await freePort());
  const highest = any.sort((a, b) => a - b)[10]!;
  for (let attempt = 0; attempt < 21; attempt++) {
    const port = await freePort(highest);
    expect(port).toBeGreaterThan(1_023);
    expect(port).toBeLessThanOrEqual(highest);
    const server = createServer();
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, '127.0.0.1', resolve),
    );
    await new Promise((resolve) => server.close(resolve));
  }
});
