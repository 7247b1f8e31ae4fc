import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { problem } from '@scrutin/shared/http.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { IngestionUnderTest, votesOf } from './testing/ingestion-under-test.ts';

jest.setTimeout(120_000);

const good = JSON.stringify({ nas: '046454286', code: 'A1B2C3', law_id: 'loi-1', vote: 'oui' });
const POST = `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`;
const LIVEZ = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
const CLIENTS = 400;
const EACH = 5;
const ROOM = 64;

let ingestion: IngestionUnderTest;
let sockets: Socket[];

beforeAll(async () => {
  ingestion = await IngestionUnderTest.start({
    env: { MAX_PENDING_VOTES: String(ROOM), MAX_WAIT_MS: '10', LOG_LEVEL: 'info' },
  });
  sockets = await connectAll();
  // Each has had an answer, so none is new to ingestion any more.
  for (const socket of sockets) expect(await ask(socket, LIVEZ)).toMatch(/^HTTP\/1.1 200/);
});

afterAll(async () => {
  for (const socket of sockets ?? []) socket.destroy();
  await ingestion?.remove();
});

function connectAll(): Promise<Socket[]> {
  const { hostname, port } = new URL(ingestion.base);
  const opened = Array.from({ length: CLIENTS }, () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    return new Promise<Socket>((resolve, reject) => {
      socket.once('connect', () => resolve(socket)).once('error', reject);
    });
  });
  return Promise.all(opened);
}

/** Sends one request and resolves with its answer; `onSent` is told once the system has taken it. */
function ask(socket: Socket, request: string, onSent?: () => void): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      text += chunk.toString();
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      const head = text.indexOf('\r\n\r\n');
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      socket.off('data', onData);
      resolve(text);
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(request, onSent);
  });
}

/**
 * A vote from each client, all of them there before the stage looks at the first: it stands still meanwhile. So it is sent too much
 * on a machine of any speed.
 */
async function castAtOnce(clients: () => Promise<readonly Socket[]>): Promise<string[]> {
  process.kill(ingestion.pid, 'SIGSTOP');
  const sent: Promise<void>[] = [];
  const answers = (await clients()).map((socket) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    sent.push(promise);
    return ask(socket, POST, resolve);
  });
  await Promise.all(sent);
  process.kill(ingestion.pid, 'SIGCONT');
  return Promise.all(answers);
}

/** Reads a series of ingestion's metrics: the number that the line's first group takes. */
async function metrics(): Promise<(line: RegExp) => number> {
  const text = await (await fetch(`${ingestion.base}/metrics`)).text();
  return (line) => Number(line.exec(text)?.[1]);
}

const REFUSED = /^scrutin_votes_refused_total\{[^}]*reason="overloaded"[^}]*\} (\d+)/m;
const REFUSED_REQUESTS =
  /^scrutin_http_request_seconds_count\{[^}]*route="\/api\/v1\/vote",status="503"[^}]*\} (\d+)/m;

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

it('far more votes than it can take: each has its answer, refusals come first, and the probes meanwhile', async () => {
  const answers: string[] = [];
  const probes: number[] = [];
  let casting = true;
  const probing = (async () => {
    while (casting) {
      const start = performance.now();
      expect((await fetch(`${ingestion.base}/livez`)).status).toBe(200);
      probes.push(performance.now() - start);
    }
  })();
  for (let i = 0; i < EACH; i++) answers.push(...(await castAtOnce(async () => sockets)));
  casting = false;
  await probing;

  const accepted = answers.filter((text) => text.startsWith('HTTP/1.1 202'));
  const refused = answers.filter((text) => text.startsWith('HTTP/1.1 503'));
  expect(accepted.length + refused.length).toBe(CLIENTS * EACH);
  // Half of the room is two turns' worth, which is let in at any pace.
  expect(accepted.length).toBeGreaterThanOrEqual((EACH * ROOM) / 2);
  expect(refused.length).toBeGreaterThan((EACH * CLIENTS) / 2);
  for (const text of refused) {
    expect(text).toMatch(/^content-type: application\/problem\+json/im);
    expect(text).toMatch(/^retry-after: 1\r$/im);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({
      code: 'overloaded',
      status: 503,
    });
  }
  expect(median(probes)).toBeLessThan(5_000);

  const queued = votesOf(await ingestion.vhost.drain(QUEUES.validation)).map(({ ballot_id }) => ballot_id);
  const told = accepted.map((text) => /"request_id":"([^"]+)"/.exec(text)![1]!);
  expect(queued.sort()).toEqual(told.sort());
  const metric = await metrics();
  expect(metric(/^scrutin_votes_received_total\{[^}]*\} (\d+)/m)).toBe(CLIENTS * EACH);
  expect(metric(/^scrutin_votes_accepted_total\{[^}]*\} (\d+)/m)).toBe(accepted.length);
  expect(metric(REFUSED)).toBe(refused.length);
  // As the stage itself saw it: the clients here have their own queue to read.
  const seconds = (status: number) =>
    metric(
      new RegExp(`^scrutin_http_request_seconds_sum\\{[^}]*vote",status="${status}"[^}]*\\} ([\\d.]+)`, 'm'),
    );
  expect(seconds(503) / refused.length).toBeLessThan(seconds(202) / accepted.length);
  expect(metric(REFUSED_REQUESTS)).toBe(refused.length);
});

it('clients that come anew hear as soon that they are too many', async () => {
  const before = await metrics();
  const fresh: Socket[] = [];
  const answers = await castAtOnce(async () => {
    fresh.push(...(await connectAll()));
    return fresh;
  });
  for (const socket of fresh) socket.destroy();
  // Those refused at the socket and those refused by HTTP have the same answer, but for the end of the connection.
  const refused = answers.filter((text) => text.startsWith('HTTP/1.1 503'));
  const after = await metrics();
  for (const series of [REFUSED, REFUSED_REQUESTS])
    expect(after(series) - before(series)).toBe(refused.length);
  const unread = refused.filter((text) => /^connection: close\r$/im.test(text));
  expect(unread.length).toBeGreaterThan(0);
  const told = refused.map((text) => text.slice(text.indexOf('\r\n\r\n')));
  expect(new Set(told)).toEqual(
    new Set([`\r\n\r\n${JSON.stringify(problem('overloaded', 'Try again in a moment'))}`]),
  );
  const counts = [202, 503].map(
    (status) => answers.filter((text) => text.startsWith(`HTTP/1.1 ${status}`)).length,
  );
  expect(counts[0]! + counts[1]!).toBe(CLIENTS);
  expect(counts[0]).toBeGreaterThanOrEqual(ROOM / 2);
  expect(counts[1]).toBeGreaterThan(CLIENTS / 2);
});

it('afterwards it takes votes as before', async () => {
  for (const socket of sockets.slice(0, 10)) expect(await ask(socket, POST)).toMatch(/^HTTP\/1.1 202/);
});
