import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { ServiceAddress } from './service-address.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that says its name to everybody. */
async function named(name: string): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(name);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

function client(port: number): { said: string; closed: boolean } {
  const seen = { said: '', closed: false };
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    seen.said += chunk;
  });
  socket.on('close', () => {
    seen.closed = true;
  });
  return seen;
}

test('who connects is led past a server that is gone', async () => {
  // Nobody listens at port 1, and nobody is given it: one that was free a moment ago another test may have by now.
  const address = await ServiceAddress.open([1, await named('a')]);
  for (let i = 0; i < 4; i++) {
    const seen = client(address.port);
    await until('the server that is there answers', () => seen.said === 'a');
  }
  await address.close();
});

test('with another server behind it the connections are cut, and new ones go there', async () => {
  const address = await ServiceAddress.open([await named('a')]);
  const before = client(address.port);
  await until('the first server answers', () => before.said === 'a');
  address.lead([await named('b')]);
  await until('the connection is cut', () => before.closed);
  const after = client(address.port);
  await until('the second server answers', () => after.said === 'b');
  await address.close();
});

test('it closes with connections open, also those that no server has taken', async () => {
  const address = await ServiceAddress.open([await named('a')]);
  const open = client(address.port);
  await until('the server answers', () => open.said === 'a');
  const underWay = Array.from({ length: 20 }, () => client(address.port));
  await address.close();
  await until('all are cut', () => open.closed && underWay.every(({ closed }) => closed));
  expect(open.said).toBe('a');
});
