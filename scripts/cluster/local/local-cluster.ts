import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built } from '../../go-tools/build.ts';
import { ETCD, KUBE_NODE, KUBE_ROUTER } from '../../go-tools/recipes.ts';
import { lastLines, waitUntilReady } from '../../servers/launch.ts';
import { endProcess } from '../../servers/process-identity.ts';
import type { Telling } from '../../servers/servers.ts';
import type { Cluster, UpOptions } from '../cluster.ts';
import { kedaManifests } from '../keda.ts';
import { must, run } from '../run-program.ts';
import { removeGroups } from './cgroups.ts';
import { type Built, type Component, controlPlane, nodeComponents, policyComponents } from './components.ts';
import { hostPrograms } from './host-programs.ts';
import { importImages, kedaImages, nodeImages } from './images.ts';
import { makeKeys } from './keys.ts';
import { inNamespace, makeNamespace, removeLink, startInside } from './namespace.ts';
import { removeEmptyFolders, requireNoMounts } from './remains.ts';
import { ClusterState, NETWORK } from './state.ts';
import { volumeObjects } from './volumes.ts';

const COREDNS = fileURLToPath(new URL('./coredns.yaml', import.meta.url));

/** Kubernetes with one node, built from source and run as processes of this machine, in namespaces of their own. */
export class LocalCluster implements Cluster {
  readonly title = 'a single node on this machine';
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get exists(): boolean {
    return ClusterState.exists(this.#folder);
  }

  async up({ tell, yes, keda }: UpOptions): Promise<void> {
    requireRoot();
    await hostPrograms(tell, yes);
    const programs: Built = {
      ...(await built(KUBE_NODE, tell)),
      ...(await built(ETCD, tell)),
      ...(await built(KUBE_ROUTER, tell)),
    };
    const images = await nodeImages(tell);
    const imagesOfKeda = keda ? await kedaImages(tell) : [];
    if (this.exists && !ClusterState.open(this.#folder).running('anchor')) {
      tell.note('What a crash or a restart of the machine has left of a cluster is removed first.');
      await this.down(tell);
    }
    const state = ClusterState.open(this.#folder);
    await tell.step('Namespaces, link, keys', async (detail) => {
      if (!state.running('anchor')) await makeNamespace(state);
      await makeKeys(state);
      detail(`node ${state.nodeAddress}`);
    });
    await tell.step('API server', async (detail) => {
      await startMissing(state, controlPlane(state, programs));
      await ready(state, 'kube-apiserver', () => this.#asks(['get', '--raw', '/readyz']));
      detail(state.apiUrl);
    });
    await tell.step('Node', async (detail) => {
      const [containerd, ...others] = nodeComponents(state, programs);
      await startMissing(state, [containerd]);
      await ready(state, 'containerd', () => succeeds(state, ['ctr', 'version']));
      // Among them kubelet, which ends if containerd does not answer yet, as on a busy disk.
      await startMissing(state, others);
      // Before the pods that need them: one whose image isn't there waits ten seconds for the next look.
      await importImages(state, images);
      await this.#apply(COREDNS);
      await this.#apply('-', volumeObjects(state));
      await this.#wait('node', NETWORK.node, 'condition=Ready');
      await startMissing(state, policyComponents(state, programs));
      detail(`${NETWORK.node} is Ready`);
    });
    await tell.step('Name resolution', () =>
      this.#wait('deployment/coredns', '--namespace=kube-system', 'condition=Available'),
    );
    if (keda) await this.#installKeda(state, imagesOfKeda, tell);
    requireAllRunning(state);
  }

  async down(tell: Telling): Promise<void> {
    if (!this.exists) return;
    requireRoot();
    const state = ClusterState.open(this.#folder);
    await tell.step('Removing the cluster', async () => {
      // A database that ends in order needs no repair, but all of it goes anyway: only what holds mounts matters.
      await Promise.all(Object.values(state.processes).map((identity) => endProcess(identity, 500)));
      await removeGroups(state.cgroup);
      await removeLink(state);
      requireNoMounts(this.#folder);
      removeEmptyFolders(state.madeFolders);
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  async kubectl(tell: Telling): Promise<{ program: string; args: string[] }> {
    const { kubectl } = await built(KUBE_NODE, tell);
    return { program: kubectl, args: [`--kubeconfig=${this.kubeconfig()}`] };
  }

  /** Path of the administrator's kubeconfig. Throws if there is no cluster. */
  kubeconfig(): string {
    if (!this.exists) throw new Error('no cluster runs here; start one: npm run cluster -- up');
    return ClusterState.open(this.#folder).kubeconfig('admin');
  }

  async loadImages(files: readonly string[]): Promise<string[]> {
    requireRoot();
    return importImages(
      ClusterState.open(this.#folder),
      files.map((file) => resolve(file)),
    );
  }

  processes(): Record<string, boolean> {
    if (!this.exists) return {};
    const state = ClusterState.open(this.#folder);
    return Object.fromEntries(
      Object.keys(state.processes).map((name) => [name, state.running(name) !== undefined]),
    );
  }

  async #installKeda(state: ClusterState, images: readonly string[], tell: Telling): Promise<void> {
    await tell.step('KEDA', async (detail) => {
      const { program } = await this.#quietKubectl();
      await importImages(state, images);
      await this.#apply(await kedaManifests(program));
      for (const name of ['keda-operator', 'keda-metrics-apiserver'])
        await this.#wait(`deployment/${name}`, '--namespace=keda', 'condition=Available');
      detail('operator and metrics adapter');
    });
  }

  #quietKubectl = () => this.kubectl({ step: (_title, work) => work(() => {}), note: () => {} });

  async #asks(args: readonly string[]): Promise<boolean> {
    const { program, args: before } = await this.#quietKubectl();
    return (await run(program, [...before, '--request-timeout=3s', ...args])).code === 0;
  }

  /** Applies a file, or as `-` the objects given. */
  async #apply(file: string, objects: readonly object[] = []): Promise<void> {
    const { program, args } = await this.#quietKubectl();
    await must(program, [...args, 'apply', '--server-side', '--force-conflicts', '-f', file], {
      input: objects.map((object) => JSON.stringify(object)).join('\n---\n'),
    });
  }

  async #wait(...what: [...string[], string]): Promise<void> {
    const { program, args } = await this.#quietKubectl();
    const condition = what.at(-1)!;
    const wait = ['wait', ...what.slice(0, -1), `--for=${condition}`, '--timeout=120s'];
    // `wait` gives up at once on what isn't there yet.
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { code, err } = await run(program, [...args, ...wait]);
      if (code === 0) return;
      requireAllRunning(ClusterState.open(this.#folder));
      if (!err.includes('NotFound') || Date.now() > deadline)
        throw new Error(`${what.slice(0, -1).join(' ')} has not become ready:\n${err}`);
      await new Promise((later) => setTimeout(later, 250));
    }
  }
}

async function startMissing(state: ClusterState, components: readonly Component[]): Promise<void> {
  for (const [name, command] of components) if (!state.running(name)) await startInside(state, name, command);
}

const succeeds = async (state: ClusterState, command: readonly string[]): Promise<boolean> => {
  const [program, ...before] = inNamespace(state);
  return (await run(program!, [...before, ...command])).code === 0;
};

const ready = (state: ClusterState, name: string, asks: () => Promise<boolean>): Promise<void> =>
  waitUntilReady({
    name,
    log: state.log(name),
    timeoutMs: 60_000,
    alive: () => state.running(name) !== undefined,
    ready: asks,
  });

function requireAllRunning(state: ClusterState): void {
  const ended = Object.keys(state.processes).filter((name) => !state.running(name));
  if (ended.length > 0)
    throw new Error(
      ended
        .map((name) => `${name} has ended. The end of ${state.log(name)}:\n${lastLines(state.log(name))}`)
        .join('\n'),
    );
}

function requireRoot(): void {
  if (process.platform !== 'linux') throw new Error('a cluster of processes needs Linux; elsewhere use kind');
  if (process.getuid?.() !== 0)
    throw new Error(
      'a cluster of processes needs root (namespaces, control groups); as root: npm run cluster -- up\nOr have kind or k3d with Docker installed: then it runs in containers.',
    );
}
