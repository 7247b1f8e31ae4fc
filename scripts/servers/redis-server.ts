import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { launch } from './launch.ts';
import type { StateFile } from './state.ts';

/** Redis as the pipeline needs it: what is acknowledged is on disk within a second (P2 rebuilds the rest). */
export function redisConfig(settings: {
  port: number;
  password: string;
  folder: string;
  bind: string;
}): string {
  return [
    `bind ${settings.bind}`,
    `port ${settings.port}`,
    'protected-mode yes',
    `requirepass ${settings.password}`,
    `dir ${JSON.stringify(settings.folder)}`,
    'appendonly yes',
    'appendfsync everysec',
    // The append-only file alone is the copy on disk; snapshots beside it would double the writing.
    'save ""',
    'daemonize no',
    '',
  ].join('\n');
}

export const redisUrl = ({ state }: StateFile): string =>
  `redis://:${state.passwords.redis}@127.0.0.1:${state.ports.redis}`;

/** Starts Redis on its kept port; resolves with its pid. */
export async function launchRedis(file: StateFile, server: string): Promise<number> {
  const folder = file.path('redis');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = file.path('redis', 'redis.conf');
  const { ports, passwords } = file.state;
  writeFileSync(
    config,
    redisConfig({ port: ports.redis!, password: passwords.redis, folder, bind: '127.0.0.1' }),
    { mode: 0o600 },
  );
  return launch({ program: server, args: [config], log: file.path('logs', 'redis.log'), cwd: folder });
}

/** True if Redis takes the password and has loaded its files. Over a bare socket: no client to tidy up. */
export function redisAnswers(url: string): Promise<boolean> {
  const { hostname, port, password } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 2_000 });
    let received = '';
    const done = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.on('connect', () => {
      const secret = decodeURIComponent(password);
      if (secret) socket.write(`*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(secret)}\r\n${secret}\r\n`);
      socket.write('*1\r\n$4\r\nPING\r\n');
    });
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('+PONG')) done(true);
      else if (received.includes('\r\n-') || received.startsWith('-')) done(false);
    });
    socket.on('timeout', () => done(false));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
  });
}
