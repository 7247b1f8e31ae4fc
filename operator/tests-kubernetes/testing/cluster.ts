import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { kubeBinaries } from '../../../scripts/kube-api/build-binaries.ts';
import { KubeServers } from '../../../scripts/kube-api/kube-servers.ts';
import type { Telling } from '../../../scripts/servers/servers.ts';
import { CRD_FILE } from '../../src/kubernetes/crd-file.ts';
import { type KubeClients, kubeClients } from '../../src/kubernetes/kube-clients.ts';

const silent: Telling = { step: (_, work) => work(() => {}), note: () => {} };

/** What a program said, and how it ended. */
export interface Said {
  code: number;
  out: string;
  err: string;
}

export interface Cluster {
  servers: KubeServers;
  clients: KubeClients;
  /** Runs kubectl as the administrator; `input` is what it reads. Doesn't reject. */
  kubectl: (args: readonly string[], input?: string) => Promise<Said>;
  stop: () => Promise<void>;
}

/** An API server of the test file's own, which knows Elections. */
export async function startCluster(): Promise<Cluster> {
  const binaries = await kubeBinaries(silent);
  const servers = await KubeServers.start(binaries);
  const kubeconfig = servers.kubeconfig();
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const kubectl = (args: readonly string[], input = '') =>
    new Promise<Said>((resolve) => {
      const env = { ...process.env, KUBECONFIG: kubeconfig };
      const child = execFile(binaries.kubectl, args, { env }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      );
      child.stdin!.end(input);
    });
  const cluster = { servers, clients: kubeClients(config), kubectl, stop: () => servers.stop() };
  try {
    await installElections(cluster);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  return cluster;
}

async function installElections({ kubectl }: Cluster): Promise<void> {
  const applied = await kubectl(['apply', '-f', fileURLToPath(CRD_FILE)]);
  if (applied.code !== 0) throw new Error(applied.err);
  const crd = 'crd/elections.scrutin.dev';
  const established = await kubectl(['wait', '--for=condition=Established', crd, '--timeout=90s']);
  if (established.code !== 0) throw new Error(established.err);
  await eventually(async () => {
    const { code, err } = await kubectl(['get', 'elections']);
    if (code !== 0) throw new Error(err);
  });
}

/**
 * Tries until it doesn't reject; after `limitMs` milliseconds its last error is the test's. By default long enough for a
 * busy machine to start an operator, which first waits for another one's lease to run out.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, limitMs = 90_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(100);
    }
  }
}
