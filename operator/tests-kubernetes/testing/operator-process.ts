import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from './cluster.ts';

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

interface LogLine {
  level: string;
  msg: string;
  port?: number;
  reason?: string;
  identity?: string;
}

/** The operator as a process of its own, with the rights of the user `operator`. */
export class OperatorProcess {
  /** What it has logged. */
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;

  constructor(kubeconfig: string, env: Record<string, string> = {}) {
    this.#child = spawn(process.execPath, [PROGRAM], {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH ?? '',
        TMPDIR: process.env.TMPDIR ?? '/tmp',
        KUBECONFIG: kubeconfig,
        PORT: '0',
        LOG_FORMAT: 'json',
        LEASE_NAME: 'scrutin-operator',
        LEASE_DURATION_MS: '3000',
        RESYNC_MS: '2000',
        CLOSING_GRACE_MS: '100',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(JSON.parse(line) as LogLine);
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get leads(): boolean {
    const last = this.lines.findLast(({ msg }) => /^this process leads/.test(msg));
    return this.running && last?.msg === 'this process leads';
  }

  /** Resolves with what the operator answers at `path`, once it listens. */
  async get(path: string): Promise<{ status: number; text: string }> {
    const port = await eventually(() => {
      const line = this.lines.find(({ msg }) => msg === 'operator works');
      if (line?.port === undefined) throw new Error('the operator does not listen yet');
      return line.port;
    });
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** Ends it. Resolves with its exit code, null after SIGKILL. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.running) return this.#child.exitCode;
    const gone = new Promise<number | null>((resolve) => this.#child.once('close', resolve));
    this.#child.kill(signal);
    // One that is frozen is woken up to be ended.
    this.#child.kill('SIGCONT');
    return gone;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }
}
