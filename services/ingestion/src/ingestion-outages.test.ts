import { Agent, request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import { until, VirtualHost } from '@scrutin/shared/testing/virtual-host.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { type IngestionOptions, IngestionUnderTest, votesOf } from './testing/ingestion-under-test.ts';

const good = { nas: '046454286', code: 'A1B2C3', law_id: 'loi-1', vote: 'oui' };

let ingestion: IngestionUnderTest;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await ingestion?.remove();
  ingestion = undefined!;
  await proxy?.close();
  proxy = undefined;
});

/** Starts the stage with a proxy between it and RabbitMQ. */
async function startBehindProxy(options: IngestionOptions = {}): Promise<TcpProxy> {
  const vhost = await VirtualHost.create();
  const between = await TcpProxy.to(vhost.url);
  proxy = between;
  ingestion = await IngestionUnderTest.start({
    ...options,
    vhost,
    through: { rabbitmq: (url) => between.through(url) },
  });
  return between;
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}

describe('while the broker is away', () => {
  it('votes get 503 with Retry-After at once, and 202 again within seconds of its return', async () => {
    const between = await startBehindProxy();
    between.refuse();
    await until('the loss is noticed', async () => (await ingestion.post(good)).status === 503);
    const { value: response, ms } = await timed(() => ingestion.post(good));
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ code: 'broker-unavailable' });
    expect(ms).toBeLessThan(4_000);
    const health = await fetch(`${ingestion.base}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({
      status: 'degraded',
      dependencies: { rabbitmq: { status: 'down' }, election: { status: 'up' } },
    });
    // Or a Service would send voters to nobody.
    expect((await fetch(`${ingestion.base}/readyz`)).status).toBe(200);
    between.pass();
    await until('votes are taken', async () => (await ingestion.post(good)).status === 202);
  });

  it('a vote in flight gets 503 and not a time-out of its client', async () => {
    const between = await startBehindProxy({ env: { CONFIRM_TIMEOUT_MS: '300' } });
    between.freeze();
    const { value: response, ms } = await timed(() => ingestion.post(good));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(ms).toBeLessThan(5_000);
    // Its ballot may still be counted, so the log has its id.
    const refusal = () => /^.*vote refused.*$(?=\n)/m.exec(ingestion.output)?.[0];
    await until('the log tells it', () => refusal() !== undefined);
    const told = refusal();
    expect(JSON.parse(told!)).toMatchObject({
      level: 'debug',
      reason: 'broker-unavailable',
      ballot_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('no more votes wait than MAX_PENDING_VOTES', async () => {
    const between = await startBehindProxy({
      env: { MAX_PENDING_VOTES: '5', CONFIRM_TIMEOUT_MS: '30000', BATCH_MAX_VOTES: '2' },
    });
    between.freeze();
    const waiting = Array.from({ length: 5 }, () => ingestion.post(good));
    await until('they wait', async () => {
      return /pending_votes\{[^}]*\} 5/.test(await (await fetch(`${ingestion.base}/metrics`)).text());
    });
    const { value: response, ms } = await timed(() => ingestion.post(good));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'overloaded' });
    expect(ms).toBeLessThan(15_000);
    between.pass();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
  });

  it('the stage starts, tells that it is not ready, and becomes so', async () => {
    const vhost = await VirtualHost.create({ topology: false });
    ingestion = await IngestionUnderTest.start({ vhost, election: null });
    expect((await ingestion.post(good)).status).toBe(503);
    expect((await fetch(`${ingestion.base}/readyz`)).status).toBe(503);
    expect((await fetch(`${ingestion.base}/livez`)).status).toBe(200);
    await ingestion.publish();
    await vhost.declare();
    await ingestion.ready();
    expect((await ingestion.post(good)).status).toBe(202);
  });
});

describe('the limit of votes from one address', () => {
  it('answers 429 with Retry-After', async () => {
    const env = { RATE_LIMIT_PER_MINUTE: '10' };
    ingestion = await IngestionUnderTest.start({ env });
    const begun = performance.now();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await ingestion.post(good)).status);
    expect(statuses).toEqual([...Array(10).fill(202), 429, 429]);
    const response = await ingestion.post(good);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(
      58 - (performance.now() - begun) / 1_000,
    );
    expect(await response.json()).toMatchObject({ code: 'rate-limited', status: 429 });
  });

  it('believes X-Forwarded-For only of the proxies that it was told of', async () => {
    ingestion = await IngestionUnderTest.start({ env: { RATE_LIMIT_PER_MINUTE: '3', TRUST_PROXY: '1' } });
    const from = async (address: string) =>
      (await ingestion.post(good, { 'X-Forwarded-For': address })).status;
    for (let i = 0; i < 3; i++) expect(await from('192.0.2.1')).toBe(202);
    expect(await from('192.0.2.1')).toBe(429);
    expect(await from('192.0.2.2')).toBe(202);
    expect(await from('192.0.2.3, 192.0.2.1')).toBe(429);
  });

  it('neither delays nor refuses a vote while Redis is frozen or away, and still holds', async () => {
    const between = await TcpProxy.to(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
    proxy = between;
    ingestion = await IngestionUnderTest.start({
      env: { RATE_LIMIT_PER_MINUTE: '20' },
      through: { redis: (url) => between.through(url) },
    });
    expect((await ingestion.post(good)).status).toBe(202);
    for (const outage of [() => between.freeze(), () => between.refuse()]) {
      outage();
      for (let i = 0; i < 5; i++) {
        const { value: response, ms } = await timed(() => ingestion.post(good));
        expect(response.status).toBe(202);
        expect(ms).toBeLessThan(4_000);
      }
    }
    for (let i = 0; i < 9; i++) expect((await ingestion.post(good)).status).toBe(202);
    expect((await ingestion.post(good)).status).toBe(429);
    expect((await ingestion.post(good)).status).toBe(429);
  });
});

describe('a slow client', () => {
  it('gets 408, or is cut off, and does not keep the others waiting', async () => {
    ingestion = await IngestionUnderTest.start();
    const slow = ingestion.raw('POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Le');
    const { value: response, ms } = await timed(() => ingestion.post(good));
    expect(response.status).toBe(202);
    expect(ms).toBeLessThan(8_000);
    expect((await timed(() => slow)).ms).toBeLessThan(40_000);
    expect(await slow).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('SIGTERM', () => {
  /** One keep-alive connection that sends until it is told to close, and what became of its votes. */
  async function castUntilClosed(outcome: {
    accepted: string[];
    cut: number;
    refused: number;
  }): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { hostname, port } = new URL(ingestion.base);
    const body = JSON.stringify(good);
    for (let open = true; open; ) {
      await new Promise<void>((resolve) => {
        const post = request(
          {
            agent,
            hostname,
            port,
            path: '/api/v1/vote',
            method: 'POST',
            headers: { 'Content-Type': 'application/json', 'Content-Length': body.length },
          },
          (response) => {
            let text = '';
            response.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk;
            });
            response.on('end', () => {
              if (response.statusCode === 202)
                outcome.accepted.push((JSON.parse(text) as { request_id: string }).request_id);
              else outcome.refused++;
              if (response.headers.connection === 'close') open = false;
              resolve();
            });
          },
        );
        post.on('error', () => {
          outcome.cut++;
          open = false;
          resolve();
        });
        post.end(body);
      });
    }
    agent.destroy();
  }

  it('under load cuts no request off, and every vote that got 202 is in the queue', async () => {
    // At the door none is too many.
    ingestion = await IngestionUnderTest.start({ env: { MAX_WAIT_MS: '10000' } });
    const outcome = { accepted: [] as string[], cut: 0, refused: 0 };
    const lanes = Array.from({ length: 40 }, () => castUntilClosed(outcome));
    await until('votes are accepted', () => outcome.accepted.length > 200);
    const { value: code, ms } = await timed(() => ingestion.terminate());
    await Promise.all(lanes);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(40_000);
    expect(outcome).toMatchObject({ cut: 0, refused: 0 });
    const queued = votesOf(await ingestion.vhost.drain(QUEUES.validation)).map(({ ballot_id }) => ballot_id);
    expect(queued.sort()).toEqual(outcome.accepted.sort());
  });

  it('ends the process in time although the broker does not answer', async () => {
    const between = await startBehindProxy({
      env: { SHUTDOWN_GRACE_MS: '1000', CONFIRM_TIMEOUT_MS: '60000' },
    });
    between.freeze();
    const waiting = ingestion.post(good).catch(() => undefined);
    await until('the vote waits', async () => {
      return /pending_votes\{[^}]*\} 1/.test(await (await fetch(`${ingestion.base}/metrics`)).text());
    });
    const { value: code, ms } = await timed(() => ingestion.terminate());
    expect(code).toBe(1);
    expect(ms).toBeLessThan(40_000);
    await waiting;
  });
});

describe('settings that are wrong', () => {
  it('are told one a line, without the secret, and end the process with code 2', async () => {
    const started = IngestionUnderTest.start({
      env: { PORT: 'http', VOTER_PEPPER: 'not-a-pepper', RATE_LIMIT_STORE: 'disk' },
      election: null,
    });
    const told = await started.catch((error: Error) => error.message);
    expect(told).toMatch(
      /code 2\ningestion: PORT: must be a whole number.*\ningestion: VOTER_PEPPER: .*\ningestion: RATE_LIMIT_STORE: /,
    );
    expect(told).not.toContain('not-a-pepper');
  });
});

describe('with another pepper than the electorate was loaded with', () => {
  it('no vote is taken, health says why, and the right pepper is enough to go on', async () => {
    ingestion = await IngestionUnderTest.start();
    await ingestion.loadedWith(pepperFromHex('cd'.repeat(32)));
    await until('it is noticed', async () => (await ingestion.post(good)).status === 503);
    expect(await (await ingestion.post(good)).json()).toMatchObject({ code: 'not-ready' });
    const health = await (await fetch(`${ingestion.base}/health`)).json();
    expect(JSON.stringify(health)).toContain('VOTER_PEPPER is not the one');
    expect(ingestion.output).toContain('VOTER_PEPPER is not the one');
    await ingestion.loadedWith(pepperFromHex('ab'.repeat(32)));
    await until('votes are taken', async () => (await ingestion.post(good)).status === 202);
  });
});
