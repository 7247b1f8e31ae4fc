import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeServer, listen } from '@scrutin/shared/http.ts';
import { refuseUnread } from './refuse-unread.ts';

const ANSWER = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull';
const BODY = '{"a":1}';
const post = (path: string, headers = '') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

let server: Server;
let full: boolean;
let served: string[];
let refusals: number[];
let sockets: Socket[];

/** Answers with what it was asked, body and all. */
const echo: RequestListener = (request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    served.push(`${request.method} ${request.url} ${body}`);
    response.end('served');
  });
};

beforeEach(async () => {
  full = true;
  served = [];
  refusals = [];
  sockets = [];
  const begun = listen(echo, '127.0.0.1', 0);
  server = begun.server;
  await begun.listening;
  refuseUnread(server, {
    full: () => full,
    begins: 'POST /vote',
    answer: Buffer.from(ANSWER),
    onRefused: (seconds) => refusals.push(seconds),
  });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await closeServer(server);
});

/** A new connection, and what comes over it. */
async function client() {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  const errors: Error[] = [];
  socket.on('error', (error) => errors.push(error));
  return {
    socket,
    closed,
    errors,
    get text() {
      return text;
    },
    /** Until there are so many answers of `served`. */
    answers: async (count = 1) => {
      while ((text.match(/served/g) ?? []).length < count) await once(socket, 'data');
    },
  };
}

describe('while the server is full', () => {
  it.each(['/vote', '/vote?x=1'])(
    'a POST of %s on a new connection gets the answer, and that is all',
    async (path) => {
      const voter = await client();
      voter.socket.write(post(path));
      await voter.closed;
      expect(voter.text).toBe(ANSWER);
      expect(refusals).toHaveLength(1);
      expect(served).toEqual([]);
    },
  );

  it('the answer comes whole, also to a client that sends on, and the connection is closed', async () => {
    const voter = await client();
    voter.socket.write(`POST /vote HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n`);
    for (let i = 0; i < 40; i++) {
      voter.socket.write('x'.repeat(10_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await voter.closed;
    expect(voter.text).toBe(ANSWER);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toBeGreaterThanOrEqual(0);
    // A connection that is reset may take an answer with it that the client has not read yet.
    expect(voter.errors).toEqual([]);
  });

  it('a client that never closes its side is closed', async () => {
    const voter = await client();
    voter.socket.allowHalfOpen = true;
    voter.socket.write(post('/vote'));
    await once(voter.socket, 'end');
    expect(voter.text).toBe(ANSWER);
    const writing = setInterval(() => voter.socket.write('x'), 50);
    await voter.closed;
    clearInterval(writing);
  });

  it.each([
    ['GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /livez '],
    [post('/votes'), `POST /votes ${BODY}`],
    [post('/elsewhere'), `POST /elsewhere ${BODY}`],
    ['GET /vote HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /vote '],
  ])('anything else is served: %j', async (sent, seen) => {
    const other = await client();
    other.socket.write(sent);
    await other.answers();
    expect(served).toEqual([seen]);
    expect(refusals).toEqual([]);
  });

  it('requests that come in pieces, or several at once, are served whole and in order', async () => {
    const slow = await client();
    for (const piece of [
      'PO',
      'ST /vo',
      'te HTTP/1.1\r\nHo',
      'st: x\r\nContent-Length: 7\r\n\r\n{"a"',
      ':1}',
    ]) {
      slow.socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await slow.answers();
    const many = await client();
    many.socket.write(`GET /1 HTTP/1.1\r\nHost: x\r\n\r\n${post('/2')}${post('/3')}`);
    await many.answers(3);
    many.socket.write(post('/4'));
    await many.answers(4);
    expect(served).toEqual([
      `POST /vote ${BODY}`,
      'GET /1 ',
      `POST /2 ${BODY}`,
      `POST /3 ${BODY}`,
      `POST /4 ${BODY}`,
    ]);
    expect(refusals).toEqual([]);
  });

  it('what is not HTTP is told so, and who leaves without a word is forgotten', async () => {
    const noise = await client();
    noise.socket.write('\x16\x03\x01 hello\r\n\r\n');
    await noise.closed;
    expect(noise.text).toMatch(/^HTTP\/1.1 400 /);
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const silent = await client();
      silent.socket[end]();
      await silent.closed;
    }
    const connections = () =>
      new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    while ((await connections()) !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('a connection that is silent at first is served when it speaks', async () => {
    const late = await client();
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    late.socket.write(post('/vote'));
    await late.answers();
    expect(served).toEqual([`POST /vote ${BODY}`]);
  });
});

describe('where there is room', () => {
  it('a POST is served, and on a connection that was there before also later', async () => {
    full = false;
    const voter = await client();
    voter.socket.write(post('/vote'));
    await voter.answers(1);
    full = true;
    voter.socket.write(post('/vote'));
    await voter.answers(2);
    expect(refusals).toEqual([]);
  });

  it('again when the request comes, it is served', async () => {
    const voter = await client();
    full = false;
    voter.socket.write(post('/vote'));
    await voter.answers();
    voter.socket.write(post('/vote?again'));
    await voter.answers(2);
    expect(served).toEqual([`POST /vote ${BODY}`, `POST /vote?again ${BODY}`]);
  });
});

it('a server that closes does not wait for who is silent', async () => {
  const silent = await client();
  await closeServer(server, 2_000);
  await silent.closed;
});
