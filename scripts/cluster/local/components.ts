import { mkdirSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { type ClusterState, NETWORK } from './state.ts';

/** Paths of the programs that were built. */
export type Built = Record<
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'
  | 'kube-router'
  | 'kubectl',
  string
>;

export const PAUSE_IMAGE = 'localhost/scrutin/pause:v1';

/** A process of the cluster: its name and its command. */
export type Component = readonly [name: string, command: readonly string[]];

/** What must run before anything can be asked of the API server, in this order. */
export function controlPlane(state: ClusterState, programs: Built): Component[] {
  const key = (name: string) => state.path('keys', name);
  const etcd = 'http://127.0.0.1:2379';
  const peer = 'http://127.0.0.1:2380';
  return [
    [
      'etcd',
      [
        programs.etcd,
        `--data-dir=${state.path('etcd')}`,
        ...[`--listen-client-urls=${etcd}`, `--advertise-client-urls=${etcd}`],
        ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
        `--initial-cluster=default=${peer}`,
        // What it holds is not meant to outlive the machine's next crash.
        '--unsafe-no-fsync',
        '--log-level=warn',
      ],
    ],
    [
      'kube-apiserver',
      [
        programs['kube-apiserver'],
        `--etcd-servers=${etcd}`,
        `--advertise-address=${state.nodeAddress}`,
        '--secure-port=6443',
        `--tls-cert-file=${key('apiserver.crt')}`,
        `--tls-private-key-file=${key('apiserver.key')}`,
        `--client-ca-file=${key('ca.crt')}`,
        `--token-auth-file=${key('tokens.csv')}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--allow-privileged=true',
        `--kubelet-client-certificate=${key('apiserver-kubelet-client.crt')}`,
        `--kubelet-client-key=${key('apiserver-kubelet-client.key')}`,
        `--kubelet-certificate-authority=${key('ca.crt')}`,
        // The node's name is known to no resolver.
        '--kubelet-preferred-address-types=InternalIP',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${key('service-account.pub')}`,
        `--service-account-signing-key-file=${key('service-account.key')}`,
        `--service-cluster-ip-range=${NETWORK.services}`,
        // Aggregation, for the metrics adapter of KEDA.
        `--requestheader-client-ca-file=${key('front-proxy-ca.crt')}`,
        '--requestheader-allowed-names=front-proxy-client',
        '--requestheader-extra-headers-prefix=X-Remote-Extra-',
        '--requestheader-group-headers=X-Remote-Group',
        '--requestheader-username-headers=X-Remote-User',
        `--proxy-client-cert-file=${key('front-proxy-client.crt')}`,
        `--proxy-client-key-file=${key('front-proxy-client.key')}`,
        '--enable-aggregator-routing=true',
        '--shutdown-delay-duration=0s',
      ],
    ],
  ];
}

/** Everything else of the node, what runs containers first; writes the configuration files that they read. */
export function nodeComponents(state: ClusterState, programs: Built): [Component, ...Component[]] {
  writeContainerd(state);
  writeCni(state);
  writeKubelet(state);
  const key = (name: string) => state.path('keys', name);
  const kubeconfig = (user: Parameters<ClusterState['kubeconfig']>[0]) =>
    `--kubeconfig=${state.kubeconfig(user)}`;
  return [
    ['containerd', ['containerd', '--config', state.path('config', 'containerd.toml')]],
    [
      'kube-controller-manager',
      [
        programs['kube-controller-manager'],
        kubeconfig('controller-manager'),
        '--bind-address=127.0.0.1',
        '--leader-elect=false',
        '--use-service-account-credentials=true',
        `--root-ca-file=${key('ca.crt')}`,
        `--service-account-private-key-file=${key('service-account.key')}`,
        `--cluster-signing-cert-file=${key('ca.crt')}`,
        `--cluster-signing-key-file=${key('ca.key')}`,
        '--allocate-node-cidrs=true',
        `--cluster-cidr=${NETWORK.pods}`,
        // Three times as often as usual, so that scaling is quick to be seen.
        '--horizontal-pod-autoscaler-sync-period=5s',
      ],
    ],
    [
      'kube-scheduler',
      [
        programs['kube-scheduler'],
        kubeconfig('scheduler'),
        '--bind-address=127.0.0.1',
        '--leader-elect=false',
      ],
    ],
    [
      'kubelet',
      [
        programs.kubelet,
        kubeconfig('kubelet'),
        `--config=${state.path('config', 'kubelet.yaml')}`,
        `--root-dir=${state.path('kubelet')}`,
        `--cert-dir=${state.path('kubelet', 'pki')}`,
        `--hostname-override=${NETWORK.node}`,
        `--node-ip=${state.nodeAddress}`,
      ],
    ],
    [
      'kube-proxy',
      [
        programs['kube-proxy'],
        kubeconfig('kube-proxy'),
        '--proxy-mode=nftables',
        `--hostname-override=${NETWORK.node}`,
        `--cluster-cidr=${NETWORK.pods}`,
        '--oom-score-adj=0',
        // These sysctls belong to the whole machine; zero leaves them as they are.
        ...['--conntrack-max-per-core=0', '--conntrack-min=0'],
        ...['--conntrack-tcp-timeout-established=0s', '--conntrack-tcp-timeout-close-wait=0s'],
      ],
    ],
  ];
}

/** What enforces NetworkPolicies; it ends at once where the node has not been registered yet. */
export function policyComponents(state: ClusterState, programs: Built): Component[] {
  return [
    [
      'kube-router',
      [
        programs['kube-router'],
        `--kubeconfig=${state.kubeconfig('kube-router')}`,
        `--hostname-override=${NETWORK.node}`,
        // Only what the bridge lacks: NetworkPolicies.
        ...['--run-firewall=true', '--run-router=false', '--run-service-proxy=false'],
        `--service-cluster-ip-range=${NETWORK.services}`,
        '--health-port=0',
      ],
    ],
  ];
}

function config(state: ClusterState, name: string, text: string): void {
  mkdirSync(state.path('config', 'cni'), { recursive: true });
  writeFileSync(state.path('config', name), text);
}

function writeContainerd(state: ClusterState): void {
  const text = `version = 2
root = "${state.path('containerd')}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
  path = "${state.path('containerd', 'opt')}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE a pod can't be given a score below the one that containerd has.
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${state.path('config', 'cni')}"
`;
  config(state, 'containerd.toml', text);
}

function writeCni(state: ClusterState): void {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: state.path('cni', 'addresses'),
      ranges: [[{ subnet: NETWORK.nodePods }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const plugins = [bridge, { type: 'portmap', capabilities: { portMappings: true } }];
  const list = { cniVersion: '0.4.0', name: 'scrutin', plugins };
  config(state, 'cni/10-scrutin.conflist', `${JSON.stringify(list, null, 2)}\n`);
}

function writeKubelet(state: ClusterState): void {
  const key = (name: string) => state.path('keys', name);
  // Nothing outside of the cluster is reached by name.
  config(state, 'resolv.conf', 'nameserver 127.0.0.1\n');
  const kubelet = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: key('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: key('kubelet.crt'),
    tlsPrivateKeyFile: key('kubelet.key'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${state.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    clusterDNS: [NETWORK.dns],
    clusterDomain: NETWORK.domain,
    resolvConf: state.path('config', 'resolv.conf'),
    podLogsDir: state.path('pod-logs'),
    volumePluginDir: state.path('kubelet', 'volume-plugins'),
    // Images are loaded, not pulled: one that was thrown away doesn't come back.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    imageMinimumGCAge: '87600h',
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    shutdownGracePeriod: '0s',
    syncFrequency: '10s',
  };
  config(state, 'kubelet.yaml', stringify(kubelet));
}
