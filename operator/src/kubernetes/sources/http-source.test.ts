import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { downloadHttp } from './http-source.ts';
import { ScratchFolder } from './scratch-folder.ts';

const CONTENT = `${'ab'.repeat(32)}\n`;

let server: Server;
let folder: ScratchFolder;
let base: string;
let answer: (response: ServerResponse) => void;
let authorizations: (string | undefined)[];

beforeEach(async () => {
  folder = new ScratchFolder();
  authorizations = [];
  answer = (response) => response.end(CONTENT);
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterEach(async () => {
  folder.remove();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const refusal = async (source: { url: string; sha256?: string }, authorization?: string) =>
  (await downloadHttp(source, authorization, folder).catch((error: unknown) => error)) as {
    reason: string;
    message: string;
    lasting: boolean;
  };

test('the file is stored under its name, with the header that the server asks for', async () => {
  const sha256 = hash('sha256', CONTENT);
  const path = await downloadHttp({ url: `${base}/lists/roll%20A.txt`, sha256 }, 'Bearer t0ken', folder);
  expect(path.endsWith('/roll%20A.txt')).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe(CONTENT);
  expect(authorizations).toEqual(['Bearer t0ken']);
});

test('a file with another SHA-256 is refused before one hash of it is loaded, with both digests told', async () => {
  const sha256 = '0'.repeat(64);
  const error = await refusal({ url: `${base}/roll.txt`, sha256 });
  expect(error).toMatchObject({ reason: 'ChecksumMismatch', lasting: true });
  expect(error.message).toContain(hash('sha256', CONTENT));
  expect(error.message).toContain(sha256);
});

test.each([
  [401, /authSecretName/],
  [403, /authSecretName/],
  [404, /http\.url/],
  [500, /http\.url/],
])('an answer of %i says what to correct', async (status, says) => {
  answer = (response) => response.writeHead(status).end();
  const error = await refusal({ url: `${base}/roll.txt` });
  expect(error.reason).toBe('SourceRefused');
  expect(error.message).toMatch(says);
  expect(error.message).toContain(String(status));
});

test('a server that is not there, and one that breaks off, are told apart', async () => {
  const { reason } = await refusal({ url: 'http://127.0.0.1:1/roll.txt' });
  expect(reason).toBe('SourceUnreachable');
  answer = (response) => {
    response.writeHead(200, { 'content-length': 1_000_000 });
    response.write('ab');
    setTimeout(() => response.destroy(), 20);
  };
  expect((await refusal({ url: `${base}/roll.txt` })).reason).toBe('SourceBroken');
});

test('a password in the address is not told', async () => {
  const url = 'http://me:s3cret@127.0.0.1:1/roll.txt';
  expect((await refusal({ url })).message).not.toContain('s3cret');
});

test('an address that leads to another host keeps the header to itself', async () => {
  const seen: (string | undefined)[] = [];
  const other = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end(CONTENT);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  answer = (response) => response.writeHead(302, { location: `http://localhost:${port}/roll.txt` }).end();
  try {
    await downloadHttp({ url: `${base}/roll.txt` }, 'Bearer t0ken', folder).catch(() => {});
    expect(seen.every((authorization) => authorization === undefined)).toBe(true);
  } finally {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  }
});

test('a name that leads out of the folder stays inside', async () => {
  const path = await downloadHttp({ url: `${base}/a/..%2F..%2Fetc%2Fpasswd` }, undefined, folder);
  expect(path.startsWith(`${folder.path}/`)).toBe(true);
  folder.remove();
  expect(existsSync(path)).toBe(false);
});
