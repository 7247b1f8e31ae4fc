import type { Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { serveDocs } from './docs.ts';
import { closeServer, createApp, listen, mountErrors } from './http.ts';
import { createLog } from './log.ts';
import { openApiDocument } from './openapi.ts';

let server: Server;
let base: string;

beforeAll(async () => {
  const app = createApp();
  serveDocs(
    app,
    openApiDocument({
      title: 'Test',
      description: '',
      tags: [],
      paths: {},
      responses: { Thing: z.object({ name: z.string() }) },
    }),
  );
  mountErrors(app, createLog({ stage: 'test', level: 'silent' }));
  const started = listen(app, '127.0.0.1', 0);
  server = started.server;
  base = `http://127.0.0.1:${await started.listening}`;
});

afterAll(() => closeServer(server));

test('the document is served as JSON that other sites may read', async () => {
  const response = await fetch(`${base}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const document = (await response.json()) as { components: { schemas: Record<string, unknown> } };
  expect(Object.keys(document.components.schemas)).toEqual(['Thing', 'Problem', 'HealthReport']);
});

test('the page and all that it loads come from this server, under a policy that allows no other', async () => {
  const response = await fetch(`${base}/docs`);
  const policy = response.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toMatch(/https?:|\*/);
  const loaded = [...(await response.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
  expect(loaded).toContain('/docs/swagger-ui-bundle.js');
  for (const path of loaded) {
    const asset = await fetch(base + path);
    expect([path, asset.status]).toEqual([path, 200]);
    await asset.arrayBuffer();
  }
});

test.each(['..%2fpackage.json', 'package.json', 'swagger-initializer.js', '%00', '%'])(
  'no other file of the package is reached: %s',
  async (asset) => {
    const response = await fetch(`${base}/docs/${asset}`);
    expect([400, 404]).toContain(response.status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  },
);
