import { existsSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';

/** What a command asks of the running `npm start`. */
const requestSchema = z.object({
  command: z.literal('scale-workers'),
  workers: z.number().int().min(0).max(64),
});
export type ControlRequest = z.infer<typeof requestSchema>;

const answerSchema = z.object({ ok: z.boolean(), message: z.string() });
export type ControlAnswer = z.infer<typeof answerSchema>;

const socketPath = (folder: string): string => join(folder, 'control.sock');

/** A Unix socket's path has room for so many bytes (sun_path on Linux, less on others). */
const MOST_PATH_BYTES = 103;

/**
 * Listens for requests on a socket in the data folder, which only its owner may open. One JSON line each
 * way. Resolves with undefined where the folder's path is too long for a socket.
 */
export async function listenForControl(
  folder: string,
  handle: (request: ControlRequest) => Promise<string>,
): Promise<Server | undefined> {
  const path = socketPath(folder);
  if (Buffer.byteLength(path) > MOST_PATH_BYTES) return undefined;
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', async (chunk: string) => {
      text += chunk;
      if (text.length > 10_000) return void socket.destroy();
      if (!text.includes('\n')) return;
      let answer: ControlAnswer;
      try {
        answer = { ok: true, message: await handle(requestSchema.parse(JSON.parse(text))) };
      } catch (error) {
        answer = { ok: false, message: (error as Error).message };
      }
      socket.end(`${JSON.stringify(answer)}\n`);
    });
  });
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  return server;
}

/** Asks the running `npm start` of this folder. Rejects if there is none, or it doesn't answer in `timeoutMs`. */
export function askControl(
  folder: string,
  request: ControlRequest,
  timeoutMs = 60_000,
): Promise<ControlAnswer> {
  const path = socketPath(folder);
  if (!existsSync(path)) return Promise.reject(new Error('npm start is not running here'));
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('npm start does not answer')));
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ECONNREFUSED' ? new Error('npm start is not running here') : error),
    );
    socket.on('end', () => {
      try {
        resolve(answerSchema.parse(JSON.parse(text)));
      } catch {
        reject(new Error('npm start gave no answer'));
      }
    });
  });
}
