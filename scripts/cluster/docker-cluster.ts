import type { Telling } from '../servers/servers.ts';
import type { Cluster, UpOptions } from './cluster.ts';
import { ContextCluster } from './context-cluster.ts';
import { kedaManifests } from './keda.ts';
import { must } from './run-program.ts';

const NAME = 'scrutin';
const COMMANDS = {
  kind: {
    list: ['get', 'clusters'],
    create: ['create', 'cluster', '--name', NAME, '--wait', '180s'],
    remove: ['delete', 'cluster', '--name', NAME],
    load: (file: string) => ['load', 'image-archive', file, '--name', NAME],
  },
  k3d: {
    list: ['cluster', 'list', '--no-headers'],
    create: ['cluster', 'create', NAME, '--wait', '--timeout', '180s'],
    remove: ['cluster', 'delete', NAME],
    load: (file: string) => ['image', 'import', file, '--cluster', NAME],
  },
} as const;

/** A cluster in containers, by kind or k3d; both enforce NetworkPolicies and can pull images. */
export class DockerCluster implements Cluster {
  readonly title: string;
  readonly #tool: keyof typeof COMMANDS;

  constructor(tool: keyof typeof COMMANDS) {
    this.#tool = tool;
    this.title = `${tool}, in containers`;
  }

  async up({ tell, keda }: UpOptions): Promise<void> {
    const { list, create } = COMMANDS[this.#tool];
    const names = (await must(this.#tool, list)).split('\n').map((line) => line.split(/\s/)[0]);
    if (!names.includes(NAME)) await tell.step(`${this.#tool} cluster`, () => must(this.#tool, create));
    if (!keda) return;
    await tell.step('KEDA', async () => {
      const { program, args } = await this.kubectl(tell);
      await must(program, [...args, 'apply', '--server-side', '-f', await kedaManifests(program)]);
      const wait = ['wait', 'deployment', '--all', '-n', 'keda', '--for=condition=Available'];
      await must(program, [...args, ...wait, '--timeout=300s']);
    });
  }

  async down(tell: Telling): Promise<void> {
    await tell.step(`${this.#tool} cluster`, () => must(this.#tool, COMMANDS[this.#tool].remove));
  }

  async kubectl(tell: Telling): Promise<{ program: string; args: string[] }> {
    const { program } = await new ContextCluster().kubectl(tell);
    return { program, args: [`--context=${this.#tool}-${NAME}`] };
  }

  async loadImages(files: readonly string[]): Promise<string[]> {
    for (const file of files) await must(this.#tool, COMMANDS[this.#tool].load(file));
    return [...files];
  }

  processes(): Record<string, boolean> {
    return {};
  }
}
