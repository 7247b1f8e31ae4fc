import { Agent, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeServer, endKeepAlive, listen, untilQuiet } from './http-server.ts';
import { settledWithin } from './retry.ts';

let server: Server;
let base: string;
let agent: Agent;

beforeEach(async () => {
  const started = listen((_request, response) => response.end('ok'), '127.0.0.1', 0);
  server = started.server;
  await started.listening;
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(async () => {
  agent.destroy();
  await closeServer(server, 100);
});

/** The answer's Connection header, and whether it came over a connection that was there before. */
function ask(path = '/'): Promise<{ connection: string | undefined; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request(base + path, { agent }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve({ connection: response.headers.connection, reused: asked.reusedSocket }),
      );
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('a server that is about to stop', () => {
  it('ends each connection with an answer that says so, and still takes new ones', async () => {
    expect(await ask()).toEqual({ connection: 'keep-alive', reused: false });
    endKeepAlive(server);
    expect(await ask()).toEqual({ connection: 'close', reused: true });
    expect(await ask()).toEqual({ connection: 'close', reused: false });
  });

  it('is quiet at once if nobody asks', async () => {
    const begun = performance.now();
    await untilQuiet(server, 1_000, 60_000);
    expect(performance.now() - begun).toBeLessThan(900);
  });

  it('is quiet when nobody has asked for a while; what the cluster asks doesn’t count', async () => {
    await ask();
    // The last of them may be cut off by the end of the test.
    const people = setInterval(() => void ask().catch(() => {}), 50);
    const cluster = setInterval(
      () =>
        void fetch(`${base}/readyz`)
          .then((answer) => answer.text())
          .catch(() => {}),
      50,
    );
    let quiet = false;
    const waiting = untilQuiet(server, 2_000, 60_000).then(() => {
      quiet = true;
    });
    try {
      await settledWithin(waiting, 4_000);
      expect(quiet).toBe(false);
      clearInterval(people);
      await waiting;
    } finally {
      clearInterval(people);
      clearInterval(cluster);
    }
  });

  it('waits no longer for quiet than it was told', async () => {
    const people = setInterval(() => void ask().catch(() => {}), 20);
    try {
      await ask();
      const begun = performance.now();
      await untilQuiet(server, 60_000, 300);
      expect(performance.now() - begun).toBeLessThan(5_000);
    } finally {
      clearInterval(people);
    }
  });
});
