import { built } from '../go-tools/build.ts';
import { KUBECTL } from '../go-tools/recipes.ts';
import type { Telling } from '../servers/servers.ts';
import type { Cluster, UpOptions } from './cluster.ts';
import { run } from './run-program.ts';

/** Whatever cluster kubectl's current context names: it is used, never changed by these commands. */
export class ContextCluster implements Cluster {
  readonly title = 'the cluster of kubectl’s current context';

  async up({ tell, keda }: UpOptions): Promise<void> {
    const { program } = await this.kubectl(tell);
    const { code, err } = await run(program, ['get', 'nodes', '--request-timeout=10s']);
    if (code !== 0) throw new Error(`the cluster of the current context is out of reach:\n${err.trimEnd()}`);
    const found = await run(program, ['get', 'crd', 'scaledobjects.keda.sh', '--request-timeout=10s']);
    if (keda && found.code !== 0)
      tell.note('KEDA is not installed there; workers need it to follow the queue.');
  }

  down(): Promise<void> {
    return Promise.reject(
      new Error('the cluster of the current context was not made here, so it is not removed'),
    );
  }

  async kubectl(tell: Telling): Promise<{ program: string; args: string[] }> {
    const { code } = await run('kubectl', ['version', '--client']).catch(() => ({ code: 127 }));
    return { program: code === 0 ? 'kubectl' : (await built(KUBECTL, tell)).kubectl, args: [] };
  }

  loadImages(): Promise<string[]> {
    return Promise.reject(
      new Error('push the images to a registry that the cluster of the current context pulls from'),
    );
  }

  processes(): Record<string, boolean> {
    return {};
  }
}
