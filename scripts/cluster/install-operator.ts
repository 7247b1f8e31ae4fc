import { join } from 'node:path';
import { projectFolder } from '../servers/state.ts';
import { must } from './run-program.ts';

export const OPERATOR = { release: 'scrutin-operator', namespace: 'scrutin-system' } as const;

/** Installs the operator's chart, or brings it up to date, and waits until it serves. */
export async function installOperator(on: {
  helm: string;
  kubectl: { program: string; args: readonly string[] };
  kubeconfig: string;
}): Promise<void> {
  const { release, namespace } = OPERATOR;
  const env = { ...process.env, KUBECONFIG: on.kubeconfig };
  const chart = join(projectFolder, 'charts', 'scrutin-operator');
  const kubectl = (...args: string[]) =>
    must(on.kubectl.program, [...on.kubectl.args, '-n', namespace, ...args]);
  const helm = ['upgrade', '--install', release, chart, '--namespace', namespace, '--create-namespace'];
  await must(on.helm, helm, { env });
  // Images of a tree that is worked on have one name: pods of an earlier run would go on with the old ones.
  await kubectl('rollout', 'restart', `deployment/${release}`);
  await kubectl('rollout', 'status', `deployment/${release}`, '--timeout=180s');
}
