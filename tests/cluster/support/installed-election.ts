import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '@scrutin/shared/retry.ts';
import type { Elector } from '../../../load-tests/plan-votes.ts';
import { generateHashes } from '../../../scripts/generate-hashes/generate-hashes.ts';
import { syntheticElectors } from '../../../scripts/generate-hashes/synthetic-roll.ts';
import { projectFolder } from '../../../scripts/servers/state.ts';
import { apply, freshNamespace, getJson, helm, kubectl, nodeAddress, removeNamespace } from './cluster.ts';
import { PortForward } from './port-forward.ts';

export interface ElectionToInstall {
  namespace: string;
  voters: number;
  /** Name of the Election and of its release; by default the namespace's. */
  name?: string;
  laws?: readonly string[];
  /** Values of the chart, over those of `k8s/try-values.yaml`. */
  values?: object;
  /** Members of the Election's spec that the test is about. */
  spec?: object;
}

export interface ElectionStatus {
  phase?: string;
  votes?: number;
  turnout?: string;
  electorate?: { unique: number };
  conditions?: { type: string; status: string; reason: string; message: string }[];
  [member: string]: unknown;
}

export interface OpenWay {
  url: string;
  close: () => Promise<void>;
}

/** An election of its own namespace: its chart with embedded servers, its electorate on a volume, its Election. */
export class InstalledElection {
  readonly namespace: string;
  readonly name: string;
  readonly laws: readonly string[];
  readonly electors: readonly Elector[];
  /** Addresses of the Services, at ports of the node. */
  ingestionUrl = '';
  resultsUrl = '';
  readonly #seed = randomBytes(16).toString('hex');
  readonly #folder = mkdtempSync(join(tmpdir(), 'scrutin-cluster-test-'));
  readonly #firstValues: readonly object[];
  #values: readonly object[];

  private constructor({ namespace, name = namespace, voters, laws, values }: ElectionToInstall) {
    this.namespace = namespace;
    this.name = name;
    this.laws = laws ?? ['loi-1', 'loi-2'];
    this.electors = [...syntheticElectors(voters, this.#seed)];
    this.#firstValues = values ? [values] : [];
    this.#values = this.#firstValues;
  }

  /** Namespace, electorate on its volume, and the release. There is no Election yet: {@link applyElection}. */
  static async install(options: ElectionToInstall): Promise<InstalledElection> {
    const election = new InstalledElection(options);
    await freshNamespace(election.namespace);
    await Promise.all([election.#uploadElectorate(), election.#helm('install')]);
    const port = (stage: string) =>
      election.kubectl(
        'get',
        'service',
        `${election.name}-${stage}`,
        '-o=jsonpath={.spec.ports[0].nodePort}',
      );
    const address = await nodeAddress();
    election.ingestionUrl = `http://${address}:${await port('ingestion')}`;
    election.resultsUrl = `http://${address}:${await port('results')}`;
    return election;
  }

  /** Runs kubectl in the election's namespace. */
  kubectl(...args: string[]): Promise<string> {
    return kubectl(['--namespace', this.namespace, ...args]);
  }

  /** The Election's spec: open from the beginning of 2026 to 2100 and with live results unless `changes` says otherwise. */
  spec(changes: object = {}): object {
    return {
      title: { fr: 'Essai', en: 'Test' },
      laws: this.laws.map((id) => ({ id, title: { fr: `Loi ${id}`, en: `Law ${id}` } })),
      opensAt: '2026-01-01T00:00:00Z',
      closesAt: '2100-01-01T00:00:00Z',
      electorate: {
        expected: this.electors.length,
        source: { persistentVolumeClaim: { claimName: 'electorate' } },
      },
      results: 'live',
      ...changes,
    };
  }

  /** Applies the Election, with {@link spec}. */
  async applyElection(changes: object = {}): Promise<void> {
    await apply(this.namespace, {
      apiVersion: 'scrutin.dev/v1alpha1',
      kind: 'Election',
      metadata: { name: this.name },
      spec: this.spec(changes),
    });
  }

  async status(): Promise<ElectionStatus> {
    const { status = {} } = await getJson<{ status?: ElectionStatus }>(this.namespace, 'election', this.name);
    return status;
  }

  /** Resolves with the status once it is as wanted; rejects with it after `timeoutMs`. */
  async untilStatus(
    wanted: (status: ElectionStatus) => boolean,
    timeoutMs = 300_000,
  ): Promise<ElectionStatus> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const status = await this.status();
      if (wanted(status)) return status;
      if (Date.now() > deadline) throw new Error(`the Election is not as wanted: ${JSON.stringify(status)}`);
      await pause(500);
    }
  }

  untilPhase(phase: string, timeoutMs?: number): Promise<ElectionStatus> {
    return this.untilStatus((status) => status.phase === phase, timeoutMs);
  }

  /** Resolves when every pod that the release wants is ready. */
  async untilReady(): Promise<void> {
    const { items } = await getJson<{ items: { kind: string; metadata: { name: string } }[] }>(
      this.namespace,
      'deployments,statefulsets',
    );
    for (const { kind, metadata } of items)
      await this.kubectl('rollout', 'status', `${kind}/${metadata.name}`, '--timeout=300s');
  }

  /** Upgrades the release to these values over the ones that it has, and resolves when the new pods are ready. */
  async upgrade(values: object): Promise<void> {
    this.#values = [...this.#values, values];
    await this.#helm('upgrade', '--wait', '--timeout=5m');
  }

  /** Installs the release again after it was removed, with the test's first values and without an Election. */
  async reinstall(): Promise<void> {
    this.#values = this.#firstValues;
    await this.#helm('install');
  }

  /** Runs `work` with the address of the election's database, reached past Services and policies. */
  async withDatabaseUrl<T>(work: (url: string) => Promise<T>): Promise<T> {
    const way = await PortForward.open(this.namespace, `pod/${this.name}-postgresql-0`, 5432);
    try {
      const url = new URL(await this.secret('scrutin-connections', 'DATABASE_URL'));
      url.host = `127.0.0.1:${way.port}`;
      return await work(url.href);
    } finally {
      await way.close();
    }
  }

  /** Opens a way to RabbitMQ; `url` is that of the election's virtual host, with user and password in it. */
  openBroker(): Promise<OpenWay> {
    return this.#openRabbitmq(5672, 'RABBITMQ_URL');
  }

  /** The same to its management API. */
  openManagement(): Promise<OpenWay> {
    return this.#openRabbitmq(15672, 'RABBITMQ_MANAGEMENT_URL');
  }

  async secret(name: string, key: string): Promise<string> {
    const { data } = await getJson<{ data: Record<string, string> }>(this.namespace, 'secret', name);
    return Buffer.from(data[key] ?? '', 'base64').toString();
  }

  /** Removes Election, release and namespace. */
  async remove(): Promise<void> {
    await this.kubectl('delete', 'elections', '--all', '--timeout=60s').catch(() => {});
    await removeNamespace(this.namespace);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #openRabbitmq(port: number, key: string): Promise<OpenWay> {
    const way = await PortForward.open(this.namespace, `pod/${this.name}-rabbitmq-0`, port);
    const url = new URL(await this.secret('scrutin-connections', key));
    url.host = `127.0.0.1:${way.port}`;
    return { url: url.href, close: () => way.close() };
  }

  async #helm(...[verb, ...flags]: [string, ...string[]]): Promise<void> {
    const files = this.#values.map((values, index) => {
      const file = join(this.#folder, `values-${index}.json`);
      writeFileSync(file, JSON.stringify(values));
      return `--values=${file}`;
    });
    const base = '--values=k8s/try-values.yaml';
    await helm([verb, this.name, 'charts/scrutin', '-n', this.namespace, base, ...files, ...flags]);
  }

  /** As `k8s/electorate-upload.yaml` tells people to do it. */
  async #uploadElectorate(): Promise<void> {
    const roll = { count: this.electors.length, seed: this.#seed, writeTo: join(this.#folder, 'roll.csv') };
    const { hashFiles } = await generateHashes({ out: this.#folder, formats: ['txt'], roll });
    const pod = 'electorate-upload';
    await this.kubectl('apply', '-f', join(projectFolder, 'k8s/electorate-upload.yaml'));
    await this.kubectl('wait', `pod/${pod}`, '--for=condition=Ready', '--timeout=300s');
    const write = 'process.stdin.pipe(fs.createWriteStream("/electorate/hashes.txt"))';
    await kubectl(
      ['exec', '--namespace', this.namespace, '-i', pod, '--', 'node', '-e', write],
      readFileSync(hashFiles[0]!, 'utf8'),
    );
    await this.kubectl('delete', 'pod', pod);
  }
}

/** An election that is open, with every stage ready. */
export async function openElection(options: ElectionToInstall): Promise<InstalledElection> {
  const election = await InstalledElection.install(options);
  await election.applyElection(options.spec);
  await election.untilPhase('Open');
  await election.untilReady();
  return election;
}
