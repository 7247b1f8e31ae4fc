import { createServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { freePort } from './free-port.ts';

const worker = process.env.JEST_WORKER_ID;
afterEach(() => {
  if (worker === undefined) delete process.env.JEST_WORKER_ID;
  else process.env.JEST_WORKER_ID = worker;
});

const ports = (count: number) => Promise.all(Array.from({ length: count }, () => freePort()));

test('free ports can be listened on, are given once, and never by the system to somebody who asks for any', async () => {
  const given = await ports(50);
  expect(new Set(given).size).toBe(50);
  for (const port of given) {
    expect(port).toBeGreaterThan(1_023);
    expect(port + 10_000).toBeLessThan(32_768);
    // No port is where a Redis Cluster on another has its bus.
    expect(port).toBeLessThan(10_300 + 10_000);
    const server = createServer();
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, '127.0.0.1', resolve),
    );
    await new Promise((resolve) => server.close(resolve));
  }
});

test('test files that run at once are given none of each other’s', async () => {
  const parts: Set<number>[] = [];
  for (const id of ['1', '2']) {
    process.env.JEST_WORKER_ID = id;
    parts.push(new Set((await ports(50)).map((port) => port % 4)));
  }
  expect(parts.map(({ size }) => size)).toEqual([1, 1]);
  expect([...parts[0]!]).not.toEqual([...parts[1]!]);
});
