import { Agent, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeServer, endKeepAlive, listen, untilQuiet } from './http-server.ts';
import { settledWithin } from './retry.ts';
import { within } from './testing/within.ts';

let server: Server;
let base: string;
let agent: Agent;
/** When somebody has asked for `/` last. */
let askedAt: number;

beforeEach(async () => {
  const started = listen(
    (request, response) => {
      if (request.url === '/') askedAt = performance.now();
      response.end('ok');
    },
    '127.0.0.1',
    0,
  );
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
    await untilQuiet(server, 50_000, 60_000);
    expect(performance.now() - begun).toBeLessThan(30_000);
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
    const quietMs = untilQuiet(server, 2_000, 600_000).then(() => performance.now() - askedAt);
    try {
      await settledWithin(quietMs, 4_000);
      clearInterval(people);
      // The server sees them a moment before its application does.
      expect(await within('nobody has asked for a while', quietMs, 40_000)).toBeGreaterThan(1_900);
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
      expect(performance.now() - begun).toBeLessThan(30_000);
    } finally {
      clearInterval(people);
    }
  });
});

describe('a client that asks again and again and reads no answer', () => {
  it('is cut off: so many of them as there may be connections would leave none to anybody else', async () => {
    const page = Buffer.alloc(65_536, 'x');
    const started = listen((_request, response) => response.end(page), '127.0.0.1', 0, { stalledMs: 300 });
    const port = await started.listening;
    const client = connect(port, '127.0.0.1').on('error', () => {});
    try {
      const cut = new Promise<'cut'>((resolve) =>
        started.server.once('connection', (socket) => socket.once('close', () => resolve('cut'))),
      );
      client.pause();
      // More than the kernel's buffers take of the answers.
      client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000));
      const late = new Promise<'still there'>((resolve) =>
        setTimeout(resolve, 40_000, 'still there').unref(),
      );
      expect(await Promise.race([cut, late])).toBe('cut');
    } finally {
      client.destroy();
      await closeServer(started.server, 100);
    }
  });

  it('is told from one whose answer takes its time', async () => {
    let answers = 0;
    const started = listen(
      (_request, response) => {
        // Bit by bit, and each of them in time.
        const sending = setInterval(() => {
          if (++answers < 10) response.write('still working\n');
          else {
            clearInterval(sending);
            response.end('done');
          }
        }, 100);
      },
      '127.0.0.1',
      0,
      { stalledMs: 1_000 },
    );
    const port = await started.listening;
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      expect(await answer.text()).toMatch(/done$/);
    } finally {
      await closeServer(started.server, 100);
    }
  });
});
