import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { IngestionUnderTest, votesOf } from './testing/ingestion-under-test.ts';

jest.setTimeout(120_000);

const good = JSON.stringify({ nas: '046454286', code: 'A1B2C3', law_id: 'loi-1', vote: 'oui' });
const POST = `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`;
const CLIENTS = 400;
const EACH = 5;

let ingestion: IngestionUnderTest;
let sockets: Socket[];

beforeAll(async () => {
  // So little may wait that a load which a test can send is far too much.
  ingestion = await IngestionUnderTest.start({
    env: { MAX_PENDING_VOTES: '64', MAX_WAIT_MS: '10', LOG_LEVEL: 'info' },
  });
  const { hostname, port } = new URL(ingestion.base);
  sockets = await Promise.all(
    Array.from(
      { length: CLIENTS },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ host: hostname, port: Number(port), noDelay: true });
          socket.once('connect', () => resolve(socket)).once('error', reject);
        }),
    ),
  );
});

afterAll(async () => {
  for (const socket of sockets ?? []) socket.destroy();
  await ingestion?.remove();
});

/** Sends one vote and resolves with its answer. */
function cast(socket: Socket): Promise<string> {
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
    socket.write(POST);
  });
}

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
  await Promise.all(
    sockets.map(async (socket) => {
      for (let i = 0; i < EACH; i++) answers.push(await cast(socket));
    }),
  );
  casting = false;
  await probing;

  const accepted = answers.filter((text) => text.startsWith('HTTP/1.1 202'));
  const refused = answers.filter((text) => text.startsWith('HTTP/1.1 503'));
  expect(accepted.length + refused.length).toBe(CLIENTS * EACH);
  expect(accepted.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(CLIENTS);
  for (const text of refused) {
    expect(text).toMatch(/^content-type: application\/problem\+json/im);
    expect(text).toMatch(/^retry-after: 1\r$/im);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({
      code: 'overloaded',
      status: 503,
    });
  }
  expect(median(probes)).toBeLessThan(1_000);

  const queued = votesOf(await ingestion.vhost.drain(QUEUES.validation)).map(({ ballot_id }) => ballot_id);
  const told = accepted.map((text) => /"request_id":"([^"]+)"/.exec(text)![1]!);
  expect(queued.sort()).toEqual(told.sort());
  const metrics = await (await fetch(`${ingestion.base}/metrics`)).text();
  const metric = (line: RegExp) => Number(line.exec(metrics)?.[1]);
  expect(metric(/^scrutin_votes_received_total\{[^}]*\} (\d+)/m)).toBe(CLIENTS * EACH);
  expect(metric(/^scrutin_votes_accepted_total\{[^}]*\} (\d+)/m)).toBe(accepted.length);
  expect(metric(/^scrutin_votes_refused_total\{[^}]*reason="overloaded"[^}]*\} (\d+)/m)).toBe(refused.length);
  // As the stage itself saw it: the clients here have their own queue to read.
  const seconds = (status: number) =>
    metric(
      new RegExp(`^scrutin_http_request_seconds_sum\\{[^}]*vote",status="${status}"[^}]*\\} ([\\d.]+)`, 'm'),
    );
  expect(seconds(503) / refused.length).toBeLessThan(seconds(202) / accepted.length);
  expect(
    metric(/^scrutin_http_request_seconds_count\{[^}]*route="\/api\/v1\/vote",status="503"[^}]*\} (\d+)/m),
  ).toBe(refused.length);
});

it('afterwards it takes votes as before', async () => {
  for (const socket of sockets.slice(0, 10)) expect(await cast(socket)).toMatch(/^HTTP\/1.1 202/);
});
