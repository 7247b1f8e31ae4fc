import { join } from 'node:path';
import { defaultFolder } from '../servers/state.ts';
import type { Cluster } from './cluster.ts';
import { ContextCluster } from './context-cluster.ts';
import { DockerCluster } from './docker-cluster.ts';
import { LocalCluster } from './local/local-cluster.ts';
import { run } from './run-program.ts';

/** The cluster that was asked for, or that runs, or that can run here. */
export async function chooseCluster(asked: { context?: boolean; local?: boolean }): Promise<Cluster> {
  if (asked.context) return new ContextCluster();
  const local = new LocalCluster(join(defaultFolder(), 'cluster'));
  if (asked.local || local.exists) return local;
  const works = async (program: string, ...args: string[]) =>
    (await run(program, args).catch(() => ({ code: 127 }))).code === 0;
  if (!(await works('docker', 'info'))) return local;
  if (await works('kind', 'version')) return new DockerCluster('kind');
  if (await works('k3d', 'version')) return new DockerCluster('k3d');
  return local;
}
