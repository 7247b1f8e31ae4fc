import { built } from '../go-tools/build.ts';
import { ETCD, KUBE_API } from '../go-tools/recipes.ts';
import type { Telling } from '../servers/servers.ts';

export interface KubeBinaries {
  apiserver: string;
  kubectl: string;
  etcd: string;
}

/**
 * The programs of the Kubernetes tests. Builds what the cache lacks: about five minutes on two cores for all,
 * nothing the second time. Throws with one sentence if Go is missing or a build fails.
 */
export async function kubeBinaries(tell: Telling): Promise<KubeBinaries> {
  const { 'kube-apiserver': apiserver, kubectl } = await built(KUBE_API, tell);
  const { etcd } = await built(ETCD, tell);
  return { apiserver, kubectl, etcd };
}
