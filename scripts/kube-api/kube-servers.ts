import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '@scrutin/shared/retry.ts';
import { freePort } from '../servers/free-port.ts';
import { lastLines, waitUntilReady } from '../servers/launch.ts';
import type { KubeBinaries } from './build-binaries.ts';

/** Ports are looked for from here on, each run in a place of its own. */
const firstPort = (): number => 20_000 + Math.floor(Math.random() * 10_000);

/**
 * A Kubernetes API server with its etcd, empty and of a test's own: on free loopback ports, with data, keys and
 * certificates in a temporary folder. There are no nodes and no controllers: what is asked for is stored, checked and
 * told to watchers, and no more.
 */
export class KubeServers {
  readonly #binaries: KubeBinaries;
  readonly #folder: string;
  readonly #etcdPort: number;
  readonly #token = randomBytes(24).toString('hex');
  /** The token of the user `operator`, who has only the rights that RBAC gives. */
  readonly operatorToken = randomBytes(24).toString('hex');
  readonly port: number;
  #etcd: ChildProcess | undefined;
  #apiserver: ChildProcess | undefined;

  private constructor(binaries: KubeBinaries, ports: { etcd: number; apiserver: number }) {
    this.#binaries = binaries;
    this.#folder = mkdtempSync(join(tmpdir(), 'scrutin-kube-'));
    this.#etcdPort = ports.etcd;
    this.port = ports.apiserver;
  }

  /** Starts both; resolves once the API server is ready. */
  static async start(binaries: KubeBinaries): Promise<KubeServers> {
    const etcd = await freePort(firstPort(), new Set());
    const peer = await freePort(etcd + 1, new Set());
    const servers = new KubeServers(binaries, { etcd, apiserver: await freePort(peer + 1, new Set()) });
    servers.#writeKeys();
    try {
      await servers.#startEtcd(peer);
      await servers.startApiserver();
    } catch (error) {
      await servers.stop();
      throw error;
    }
    return servers;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** A kubeconfig for an administrator, or for the user `operator`. */
  kubeconfig(user: 'admin' | 'operator' = 'admin'): string {
    const path = join(this.#folder, `${user}.kubeconfig`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'test', cluster: { server: this.url, 'certificate-authority': this.#path('apiserver.crt') } },
      ],
      users: [{ name: user, user: { token: user === 'admin' ? this.#token : this.operatorToken } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user, namespace: 'default' } }],
      'current-context': 'test',
    };
    writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
    return path;
  }

  /** Starts the API server (again), on the same port. */
  async startApiserver(): Promise<void> {
    const key = this.#path('service-account.key');
    this.#apiserver = this.#spawn('apiserver', this.#binaries.apiserver, [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      // There is no Service to keep an endpoint for, and none may be on the loopback.
      '--endpoint-reconciler-type=none',
      `--secure-port=${this.port}`,
      `--cert-dir=${this.#folder}`,
      `--token-auth-file=${this.#path('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${this.#path('service-account.pub')}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      // Nobody makes the default service account that it asks for.
      '--disable-admission-plugins=ServiceAccount',
      '--etcd-compaction-interval=0',
      '--shutdown-delay-duration=0s',
      '--v=1',
    ]);
    await this.#ready(
      'kube-apiserver',
      'apiserver',
      () => this.#apiserver,
      () => this.#answers('/readyz'),
    );
  }

  /** Ends the API server, as a crash does with SIGKILL; etcd keeps the data. */
  async stopApiserver(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#apiserver;
    this.#apiserver = undefined;
    await end(child, signal);
  }

  /**
   * Has etcd forget all but the present: after the API server's next start a watch from an older version is
   * refused with 410 Gone.
   */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object): Promise<{ header?: { revision?: string } }> => {
      const response = await fetch(`http://127.0.0.1:${this.#etcdPort}/v3/kv/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return (await response.json()) as { header?: { revision?: string } };
    };
    const { header } = await ask('range', { key: Buffer.from('/').toString('base64') });
    await ask('compaction', { revision: header?.revision, physical: true });
  }

  /** Ends both and removes their folder. */
  async stop(): Promise<void> {
    await this.stopApiserver('SIGKILL');
    const etcd = this.#etcd;
    this.#etcd = undefined;
    await end(etcd, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #writeKeys(): void {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writeFileSync(this.#path('service-account.key'), privateKey, { mode: 0o600 });
    writeFileSync(this.#path('service-account.pub'), publicKey);
    const tokens = `${this.#token},admin,1,system:masters\n${this.operatorToken},operator,2\n`;
    writeFileSync(this.#path('tokens.csv'), tokens, { mode: 0o600 });
  }

  async #startEtcd(peerPort: number): Promise<void> {
    const url = `http://127.0.0.1:${this.#etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    this.#etcd = this.#spawn('etcd', this.#binaries.etcd, [
      `--data-dir=${this.#path('etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The machine's death is no part of these tests.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]);
    await this.#ready(
      'etcd',
      'etcd',
      () => this.#etcd,
      async () => (await fetch(`${url}/health`)).ok,
    );
  }

  #spawn(name: string, program: string, args: string[]): ChildProcess {
    const log = openSync(this.#path(`${name}.log`), 'a', 0o600);
    const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.#folder });
    closeSync(log);
    child.once('error', () => {});
    return child;
  }

  #ready(
    name: string,
    log: string,
    child: () => ChildProcess | undefined,
    ready: () => Promise<boolean>,
  ): Promise<void> {
    const alive = () => child()?.exitCode === null && child()?.signalCode === null;
    return waitUntilReady({ name, log: this.#path(`${log}.log`), timeoutMs: 90_000, alive, ready });
  }

  /** What the servers said last, for a test that failed. */
  get log(): string {
    return lastLines(this.#path('apiserver.log'), 40);
  }

  #answers(path: string): Promise<boolean> {
    return new Promise((resolve) => {
      const agent = new Agent({ ca: readFileSync(this.#path('apiserver.crt')), keepAlive: false });
      const headers = { authorization: `Bearer ${this.#token}` };
      const asked = request(`${this.url}${path}`, { agent, headers, timeout: 2_000 }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      asked.on('timeout', () => asked.destroy());
      asked.on('error', () => resolve(false));
      asked.end();
    });
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  // An API server waits for its watchers when it is asked kindly.
  const kill = new AbortController();
  void pause(10_000, kill.signal).then(() => kill.signal.aborted || child.kill('SIGKILL'));
  await gone;
  kill.abort();
}
