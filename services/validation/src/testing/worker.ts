import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '@scrutin/shared/testing/free-port.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';

/** A validation worker as a process of its own. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #port: number;
  output = '';
  readonly ended: Promise<number | null>;

  private constructor(port: number, env: Record<string, string>) {
    this.#port = port;
    this.#child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH ?? '', REDIS_URL, LOG_FORMAT: 'json', PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  static async start(env: Record<string, string>): Promise<Worker> {
    return new Worker(await freePort(), env);
  }

  get base(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${this.base}${path}`).catch(() => undefined);
    return { status: answer?.status ?? 0, text: (await answer?.text()) ?? '' };
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.ended;
  }
}
