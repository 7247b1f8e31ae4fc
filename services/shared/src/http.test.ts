import type { Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FAILURES, type FailureCode, ScrutinError } from './errors.ts';
import { Health } from './health.ts';
import { closeServer, createApp, listen, mountErrors, mountProbes } from './http.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { until } from './testing/virtual-host.ts';

let server: Server;
let base: string;
let lines: string[];
let dependency: () => Promise<void>;
let slowAsked: PromiseWithResolvers<void>;
let slowGoesOn: PromiseWithResolvers<void>;
let health: Health;

beforeEach(async () => {
  lines = [];
  dependency = async () => {};
  const log = createLog({
    stage: 'test',
    format: 'json',
    destination: { write: (line) => lines.push(line) },
  });
  health = new Health({
    stage: 'test',
    electionId: 'demo',
    version: '1.2.3',
    checks: { store: () => dependency() },
    timeoutMs: 100,
  });
  const app = createApp();
  mountProbes(app, health, createMetrics('test', 'demo', '1.2.3'));
  app.get('/fails/:code', (request) => {
    throw new ScrutinError(request.params.code as FailureCode, 'a detail', { retryAfter: 1.2 });
  });
  app.get('/breaks', () => {
    throw new TypeError('the inside: 046454286');
  });
  [slowAsked, slowGoesOn] = [Promise.withResolvers(), Promise.withResolvers()];
  app.get('/slow', async (_request, response) => {
    slowAsked.resolve();
    await slowGoesOn.promise;
    response.send('slow');
  });
  mountErrors(app, log);
  const started = listen(app, '127.0.0.1', 0);
  server = started.server;
  base = `http://127.0.0.1:${await started.listening}`;
});

afterEach(async () => {
  await closeServer(server, 100);
});

describe('a failure', () => {
  it('is a problem with its status, code and Retry-After', async () => {
    for (const [code, { status, title }] of Object.entries(FAILURES)) {
      const response = await fetch(`${base}/fails/${code}`);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(response.headers.get('retry-after')).toBe('2');
      expect(await response.json()).toEqual({
        type: `https://scrutin.dev/problems/${code}`,
        title,
        status,
        code,
        detail: 'a detail',
      });
    }
  });

  it('that nobody thought of is a 503 that tells nothing of the inside, and is logged', async () => {
    const response = await fetch(`${base}/breaks`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.text()).not.toMatch(/inside|TypeError/);
    expect(lines.join()).toContain('TypeError');
    expect(lines.join()).not.toContain('046454286');
  });

  it('is a 404 at an unknown address and a 400 at one that can’t be read', async () => {
    expect((await fetch(`${base}/nowhere`)).status).toBe(404);
    expect((await fetch(`${base}/fails/%E0%A4%A`)).status).toBe(400);
  });
});

describe('the probes', () => {
  it('tell that the process lives, is ready, and what it depends on', async () => {
    expect(await (await fetch(`${base}/livez`)).text()).toBe('ok\n');
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    health.setReady(true);
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    for (const path of ['/health', '/api/v1/health'])
      expect(await (await fetch(base + path)).json()).toMatchObject({
        status: 'healthy',
        stage: 'test',
        election_id: 'demo',
        version: '1.2.3',
        dependencies: { store: { status: 'up', latency_ms: expect.any(Number) } },
      });
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('scrutin_build_info');
  });

  it('tell that the process is ready once all that it needs was there, and from then on until it stops', async () => {
    const ready = async () => (await fetch(`${base}/readyz`)).status;
    dependency = () => Promise.reject(new Error('away'));
    health.setReady(true);
    expect(await ready()).toBe(503);
    dependency = () => Promise.resolve();
    expect(await ready()).toBe(200);
    dependency = () => Promise.reject(new Error('away again'));
    expect(await ready()).toBe(200);
    expect((await fetch(`${base}/health`)).status).toBe(503);
    health.setReady(false);
    expect(await ready()).toBe(503);
  });

  it('are only read: any other method is told which ones there are', async () => {
    for (const path of ['/livez', '/readyz', '/health', '/api/v1/health', '/metrics'])
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const response = await fetch(`${base}${path}`, { method });
        expect(response.status).toBe(405);
        expect(response.headers.get('allow')).toBe('GET, HEAD');
        expect(await response.json()).toMatchObject({ code: 'method-not-allowed' });
      }
    expect((await fetch(`${base}/nowhere`, { method: 'POST' })).status).toBe(404);
  });

  it('count a dependency that fails or does not answer as down, within the time limit', async () => {
    health.setReady(true);
    const outages = [
      () => Promise.reject(new Error('away')),
      () => new Promise<void>(() => {}),
      () => {
        throw new Error('away');
      },
    ];
    for (const outage of outages) {
      dependency = outage;
      const start = performance.now();
      const response = await fetch(`${base}/health`);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({
        status: 'degraded',
        dependencies: { store: { status: 'down' } },
      });
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });
});

describe('a server', () => {
  it('tells by which setting a taken port is changed', async () => {
    const second = listen(createApp(), '127.0.0.1', Number(new URL(base).port));
    await expect(second.listening).rejects.toThrow(/in use; set PORT to a free one/);
  });

  it('that closes answers what was asked, then closes', async () => {
    const slow = fetch(`${base}/slow`);
    await slowAsked.promise;
    const closed = closeServer(server);
    slowGoesOn.resolve();
    const response = await slow;
    expect(await response.text()).toBe('slow');
    expect(response.headers.get('connection')).toBe('close');
    await closed;
    await expect(fetch(`${base}/livez`)).rejects.toThrow();
  });

  it('that closes does not wait longer than it was told for one who never finishes', async () => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /livez HTTP/1.1\r\nHost');
    let open = true;
    socket.on('close', () => {
      open = false;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const start = performance.now();
    await closeServer(server, 300);
    expect(performance.now() - start).toBeLessThan(8_000);
    await until('the connection is closed', () => !open);
  });

  it('may be closed twice', async () => {
    await Promise.all([closeServer(server), closeServer(server)]);
    await closeServer(server);
  });
});
