import { must, run } from '../../../scripts/cluster/run-program.ts';
import { projectFolder } from '../../../scripts/servers/state.ts';

const program = (name: 'KUBECTL' | 'HELM'): string => {
  const path = process.env[name];
  if (!path || !process.env.KUBECONFIG)
    throw new Error('no cluster: run the tests with "npm run test:cluster -- <file>", which makes one');
  return path;
};

/** Runs kubectl on the cluster under test, with `input` on its standard input. Rejects with what it said if it failed. */
export const kubectl = (args: readonly string[], input = ''): Promise<string> =>
  must(program('KUBECTL'), args, { input });

/** The same for what may fail: resolves with exit code and output. */
export const tryKubectl = (args: readonly string[]) => run(program('KUBECTL'), args);

/** Runs helm on it; charts are named from the project's folder (`charts/scrutin`). */
export const helm = (args: readonly string[]): Promise<string> =>
  must(program('HELM'), args, { cwd: projectFolder });

export const kubectlProgram = (): string => program('KUBECTL');

/** An object, or a list of them as `{ items }`, as the API server has it. */
export const getJson = async <T>(namespace: string, ...what: string[]): Promise<T> =>
  JSON.parse(await kubectl(['get', '--namespace', namespace, ...what, '--output=json'])) as T;

export const apply = (namespace: string, ...objects: object[]): Promise<string> =>
  kubectl(
    ['apply', '--namespace', namespace, '-f', '-'],
    objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  );

/** The node's address, at which NodePorts are reached from this machine. */
export const nodeAddress = (): Promise<string> =>
  kubectl([
    'get',
    'nodes',
    '--output=jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
  ]);

/**
 * Makes a namespace that lets in only pods as the strictest Pod Security wants them, as an election's should. Whatever of that
 * name another run has left goes first.
 */
export async function freshNamespace(name: string): Promise<void> {
  await removeNamespace(name);
  const label = 'pod-security.kubernetes.io/enforce: restricted';
  await kubectl(
    ['apply', '-f', '-'],
    `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {${label}}}}`,
  );
}

/** Removes a namespace with all that is in it: its Elections first, which else would wait for servers that are gone. */
export async function removeNamespace(name: string): Promise<void> {
  await tryKubectl(['delete', 'elections', '--all', '--namespace', name, '--timeout=180s']);
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=300s']);
}
