import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { MarkReader, TcpFlow } from './tcp-flow.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { until } from './virtual-host.ts';

/** Marks each `!`. */
const marks = (): MarkReader => (chunk) =>
  [...chunk.toString().matchAll(/!/g)].map(({ index }) => ({ name: 'bang', start: index, end: index + 1 }));

let server: Server;
let proxy: TcpProxy;
let client: Socket;
let atServer = '';
let atClient = '';
let serverSide: Socket;

beforeEach(async () => {
  [atServer, atClient] = ['', ''];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    serverSide = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      atServer += text;
      socket.write(text.toUpperCase());
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  proxy = await TcpProxy.to(`tcp://127.0.0.1:${port}`, { marks: { toServer: marks, toClient: marks } });
  client = connect(proxy.port, '127.0.0.1');
  client.setEncoding('utf8').on('data', (text: string) => {
    atClient += text;
  });
  client.on('error', () => {});
  client.write('a');
  await until('the way is open', () => atClient === 'A');
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  serverSide.destroy();
  server.close();
});

it('holds a direction at a mark, before it or after it, and lets it go on', async () => {
  let held: TcpFlow | undefined;
  proxy.holdAt('toServer', 'bang', (flow) => {
    held = flow;
  });
  client.write('b!c');
  await until('b is through', () => atClient === 'AB');
  client.write('d');
  await until('it is held', () => held !== undefined);
  expect(atServer).toBe('ab');
  proxy.holdAt('toClient', 'bang', () => {}, { after: true });
  held!.release();
  await until('the server has it all', () => atServer === 'ab!cd');
  await until('the client has the mark and no more', () => atClient === 'AB!');
});

it('takes no notice of a mark whose hold was called off', async () => {
  proxy.holdAt('toServer', 'bang', () => {})();
  client.write('!b');
  await until('all is through', () => atClient === 'A!B');
});

it('delays both ways, and keeps the order when the delay ends', async () => {
  const begun = performance.now();
  proxy.delay(200);
  client.write('b');
  // Its answer is on its way back; what follows is no longer slow, and must not overtake it.
  proxy.onAnswer = () =>
    setImmediate(() => {
      if (client.writableEnded) return;
      proxy.delay(0);
      client.end('c');
    });
  await until('all is through', () => atClient === 'ABC');
  expect(performance.now() - begun).toBeGreaterThan(390);
});

it('swallows what is sent on open connections, and their end', async () => {
  proxy.swallow();
  client.write('b');
  client.end();
  const second = connect(proxy.port, '127.0.0.1');
  let got = '';
  second.on('data', (chunk) => {
    got += chunk.toString();
  });
  const first = serverSide;
  second.write('z');
  await until('a new connection is as it should be', () => got === 'Z');
  expect(atServer).toBe('az');
  expect(first.readableEnded).toBe(false);
  second.destroy();
  proxy.cut();
  await until('cut, both sides are closed', () => first.destroyed || first.readableEnded);
  first.destroy();
});

it('cuts a connection that is just being ended, too', async () => {
  let closed: Promise<unknown> | undefined;
  proxy.onAnswer = (_, socket) => {
    closed = once(socket, 'close');
    socket.end();
    proxy.cut();
  };
  client.write('b');
  await until('the proxy has cut it', () => closed !== undefined);
  await closed;
});
