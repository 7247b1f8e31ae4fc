import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch, waitUntilReady } from '../../servers/launch.ts';
import { must, run } from '../run-program.ts';
import { makeGroups } from './cgroups.ts';
import { type ClusterState, NETWORK } from './state.ts';

const script = fileURLToPath(new URL('./anchor.sh', import.meta.url));
const MOUNT_POINTS = ['/var/lib/cni', '/var/log/containers'];

/** Programs of the distribution lie in sbin too; the caller's variables (proxies, tokens) are not the cluster's. */
export const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
};

/** Makes the cluster's control groups, its namespaces and the link between host and node. */
export async function makeNamespace(state: ClusterState): Promise<void> {
  const group = makeGroups(state.cgroup);
  for (const folder of MOUNT_POINTS)
    if (!existsSync(folder)) {
      state.noteFolder(folder);
      mkdirSync(folder, { recursive: true });
    }
  for (const folder of ['cni', 'container-logs']) mkdirSync(state.path(folder), { recursive: true });
  const ready = state.path('anchor.ready');
  rmSync(ready, { force: true });
  const unshare = ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', script, state.folder];
  const pid = await inGroup(group, unshare, state.log('anchor'));
  state.setProcess('anchor', pid);
  await waitUntilReady({
    name: 'the cluster’s namespaces',
    log: state.log('anchor'),
    timeoutMs: 20_000,
    alive: () => state.running('anchor') !== undefined,
    ready: async () => existsSync(ready),
  });
  await must('ip', ['link', 'add', state.card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  await must('ip', ['address', 'add', `${state.hostAddress}/30`, 'dev', state.card]);
  await must('ip', ['link', 'set', state.card, 'up']);
  const inside = inNamespace(state);
  await must(inside[0]!, [
    ...inside.slice(1),
    'ip',
    'address',
    'add',
    `${state.nodeAddress}/30`,
    'dev',
    'eth0',
  ]);
  await must(inside[0]!, [...inside.slice(1), 'ip', 'link', 'set', 'eth0', 'up']);
  // The node's own processes reach Services only if there is a way to their addresses; there is none to anywhere else.
  await must(inside[0]!, [...inside.slice(1), 'ip', 'route', 'add', NETWORK.services, 'dev', 'eth0']);
}

/** What stands before a command that runs inside. */
export function inNamespace(state: ClusterState): string[] {
  const anchor = state.running('anchor');
  if (!anchor) throw new Error('the cluster doesn’t run');
  return ['nsenter', '--target', String(anchor.pid), '--net', '--mount', '--wd=/'];
}

/** Starts a process of the cluster, which outlives this one; resolves with its pid. */
export async function startInside(
  state: ClusterState,
  name: string,
  command: readonly string[],
): Promise<void> {
  const group = makeGroups(state.cgroup);
  state.setProcess(name, await inGroup(group, [...inNamespace(state), ...command], state.log(name)));
}

/** Each process enters the cluster's group before it is what it is: nothing of it is ever outside. */
const inGroup = (group: string, command: readonly string[], log: string): Promise<number> =>
  launch({
    program: 'sh',
    args: ['-c', 'echo $$ >"$0" && exec "$@"', group, ...command],
    env: ENVIRONMENT,
    log,
  });

/** Removes the link, if the end of the namespace has not done so already. */
export async function removeLink(state: ClusterState): Promise<void> {
  await run('ip', ['link', 'delete', state.card]);
}
