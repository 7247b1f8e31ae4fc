import { type ChildProcess, spawn } from 'node:child_process';
import { kubectlProgram } from './cluster.ts';

/**
 * A way into one pod for the test itself, past Services and NetworkPolicies: what the election's people can't reach,
 * and who looks into the database must.
 */
export class PortForward {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** `target` is a pod or what has pods (`pod/NAME`, `statefulset/NAME`). Rejects with what kubectl said. */
  static open(namespace: string, target: string, port: number): Promise<PortForward> {
    const args = ['port-forward', '--namespace', namespace, '--address=127.0.0.1', target, `:${port}`];
    const child = spawn(kubectlProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      let said = '';
      const hear = (chunk: Buffer) => {
        said += chunk.toString('utf8');
        const [, found] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said) ?? [];
        if (found) resolve(new PortForward(child, Number(found)));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`port-forward ${target} ended (${code}): ${said}`)));
    });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }
}
