import { fileURLToPath } from 'node:url';
import { VERSIONS } from './versions.ts';

/** How programs are built from a module of the Go module proxy. */
export interface Recipe {
  /** Go module and its version, as the proxy knows them; a recipe without one needs Go's own library only. */
  module?: string;
  version: string;
  /** Program → main package, or `.` for the `main` of this recipe. */
  programs: Readonly<Record<string, string>>;
  /** A main package of our own that the programs are built from. */
  main?: string;
  ldflags?: string;
  /** For modules that name others by a version that is published under another: from → to. */
  versions?: { readonly from: string; readonly to: string };
}

const commands = <Name extends string>(base: string, ...names: Name[]): Record<Name, string> =>
  Object.fromEntries(names.map((name) => [name, `${base}/${name}`])) as Record<Name, string>;

const ownMain = (name: string): string => fileURLToPath(new URL(`./${name}/main.go`, import.meta.url));

const KUBERNETES = {
  module: 'k8s.io/kubernetes',
  version: `v${VERSIONS.kubernetes}`,
  ldflags: `-X k8s.io/component-base/version.gitVersion=v${VERSIONS.kubernetes}`,
  // Its staging modules stand there as v0.0.0; they are published as v0.<minor>.<patch>.
  versions: { from: 'v0.0.0', to: VERSIONS.kubernetes.replace(/^1/, 'v0') },
};

const kubernetesPrograms = <Name extends string>(...names: Name[]) => ({
  ...KUBERNETES,
  programs: commands('k8s.io/kubernetes/cmd', ...names),
});

/** What the operator's tests run against. */
export const KUBE_API = kubernetesPrograms('kube-apiserver', 'kubectl');
/** kubectl alone, for clusters that are there already. */
export const KUBECTL = kubernetesPrograms('kubectl');
/** All of a cluster with one node. */
export const KUBE_NODE = kubernetesPrograms(
  'kube-apiserver',
  'kubectl',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
);

export const ETCD = {
  module: 'go.etcd.io/etcd/server/v3',
  version: `v${VERSIONS.etcd}`,
  programs: { etcd: 'go.etcd.io/etcd/server/v3' },
};

export const COREDNS = {
  module: 'github.com/coredns/coredns',
  version: `v${VERSIONS.coredns}`,
  programs: { coredns: '.' },
  main: ownMain('coredns'),
};

export const KUBE_ROUTER = {
  module: 'github.com/cloudnativelabs/kube-router/v2',
  version: `v${VERSIONS.kubeRouter}`,
  programs: commands('github.com/cloudnativelabs/kube-router/v2/cmd', 'kube-router'),
};

export const KEDA = {
  module: 'github.com/kedacore/keda/v2',
  version: `v${VERSIONS.keda}`,
  ldflags: `-X github.com/kedacore/keda/v2/version.Version=${VERSIONS.keda}`,
  programs: {
    keda: 'github.com/kedacore/keda/v2/cmd/operator',
    'keda-adapter': 'github.com/kedacore/keda/v2/cmd/adapter',
  },
};

export const PAUSE = { version: 'v1', programs: { pause: '.' }, main: ownMain('pause') };
export const PROBE = { version: 'v1', programs: { probe: '.' }, main: ownMain('probe') };

/** The cluster's version that charts are rendered for where no cluster is asked. */
const RENDERED_FOR = (() => {
  const [major, minor] = VERSIONS.kubernetes.split('.');
  const variable = 'helm.sh/helm/v3/pkg/chartutil.k8sVersion';
  return `-X ${variable}Major=${major} -X ${variable}Minor=${minor}`;
})();

export const HELM = {
  module: 'helm.sh/helm/v3',
  version: `v${VERSIONS.helm}`,
  ldflags: RENDERED_FOR,
  programs: { helm: 'helm.sh/helm/v3/cmd/helm' },
};

export const HELM_UNITTEST = {
  module: 'github.com/helm-unittest/helm-unittest',
  version: `v${VERSIONS.helmUnittest}`,
  ldflags: RENDERED_FOR,
  programs: commands('github.com/helm-unittest/helm-unittest/cmd', 'helm-unittest'),
};

export const KUBECONFORM = {
  module: 'github.com/yannh/kubeconform',
  version: `v${VERSIONS.kubeconform}`,
  programs: commands('github.com/yannh/kubeconform/cmd', 'kubeconform'),
};
