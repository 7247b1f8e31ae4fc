import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import {
  identify,
  isRunning,
  type ProcessIdentity,
  processIdentitySchema,
} from '../../servers/process-identity.ts';

/** Inside the cluster's own network namespace, so that no other cluster or network of the machine is in the way. */
export const NETWORK = {
  node: 'scrutin',
  pods: '10.244.0.0/16',
  nodePods: '10.244.0.0/24',
  services: '10.96.0.0/16',
  dns: '10.96.0.10',
  apiService: '10.96.0.1',
  domain: 'cluster.local',
} as const;

export const USERS = {
  admin: { name: 'admin', group: 'system:masters' },
  kubelet: { name: `system:node:${NETWORK.node}`, group: 'system:nodes' },
  'controller-manager': { name: 'system:kube-controller-manager', group: '' },
  scheduler: { name: 'system:kube-scheduler', group: '' },
  'kube-proxy': { name: 'system:kube-proxy', group: 'system:node-proxier' },
  'kube-router': { name: 'scrutin:kube-router', group: '' },
} as const;
export type User = keyof typeof USERS;

const schema = z.object({
  version: z.literal(1),
  /** Names the cgroup and the network card, so that two folders never meet. */
  id: z.string().regex(/^[0-9a-f]{8}$/),
  /** 198.18.<link>.0/30 joins host and node: a network that RFC 2544 sets aside and nobody routes. */
  link: z.number().int().min(0).max(255),
  tokens: z.record(z.string(), z.string()),
  processes: z.record(z.string(), processIdentitySchema),
  /** Folders of the system that had to be made as mount points; removed again with the cluster. */
  madeFolders: z.array(z.string()),
});
type State = z.infer<typeof schema>;

/** What is known of the local cluster of a folder; in `cluster.json` (0600: it holds tokens). */
export class ClusterState {
  readonly folder: string;
  #state: State;

  private constructor(folder: string, state: State) {
    this.folder = folder;
    this.#state = state;
  }

  static exists = (folder: string): boolean => existsSync(join(folder, 'cluster.json'));

  /** Reads the state, or begins one. */
  static open(folder: string): ClusterState {
    if (ClusterState.exists(folder)) {
      const text = readFileSync(join(folder, 'cluster.json'), 'utf8');
      return new ClusterState(folder, schema.parse(JSON.parse(text)));
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const token = () => randomBytes(24).toString('hex');
    const state = new ClusterState(folder, {
      version: 1,
      id: createHash('sha256').update(folder).digest('hex').slice(0, 8),
      link: freeLink(),
      tokens: Object.fromEntries(Object.keys(USERS).map((user) => [user, token()])),
      processes: {},
      madeFolders: [],
    });
    state.#write();
    return state;
  }

  get id(): string {
    return this.#state.id;
  }
  get cgroup(): string {
    return `scrutin-${this.id}`;
  }
  get card(): string {
    return `scr${this.id}`;
  }
  get hostAddress(): string {
    return `198.18.${this.#state.link}.1`;
  }
  get nodeAddress(): string {
    return `198.18.${this.#state.link}.2`;
  }
  get apiUrl(): string {
    return `https://${this.nodeAddress}:6443`;
  }
  get madeFolders(): readonly string[] {
    return this.#state.madeFolders;
  }
  get processes(): Readonly<Record<string, ProcessIdentity>> {
    return this.#state.processes;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
  log(name: string): string {
    return this.path('logs', `${name}.log`);
  }
  token(user: User): string {
    return this.#state.tokens[user]!;
  }
  kubeconfig(user: User): string {
    return this.path('keys', `${user}.kubeconfig`);
  }

  /** The process under `name`, if it still runs. */
  running(name: string): ProcessIdentity | undefined {
    const identity = this.#state.processes[name];
    return identity && isRunning(identity) ? identity : undefined;
  }

  setProcess(name: string, pid: number): void {
    const identity = identify(pid);
    if (identity) this.#state.processes[name] = identity;
    else delete this.#state.processes[name];
    this.#write();
  }

  noteFolder(path: string): void {
    this.#state.madeFolders.push(path);
    this.#write();
  }

  #write(): void {
    const path = this.path('cluster.json');
    writeFileSync(`${path}.next`, `${JSON.stringify(this.#state, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(`${path}.next`, path);
  }
}

function freeLink(): number {
  const used = Object.values(networkInterfaces())
    .flat()
    .map((found) => found?.address ?? '');
  for (let link = 64; link < 256; link++) if (!used.includes(`198.18.${link}.1`)) return link;
  throw new Error('every network 198.18.64.0/30 to 198.18.255.0/30 is in use on this machine');
}
