import { chmodSync, mkdirSync } from 'node:fs';
import { type ClusterState, NETWORK } from './state.ts';

/** Volumes that claims can have, each once: nothing makes new ones, and a released one is not given out again. */
export const VOLUMES = 64;

/**
 * Makes folders for persistent volumes and resolves with the objects that offer them as the default storage class.
 * They are `local` volumes, not `hostPath` ones: kubelet gives those to the group that a pod asks for (fsGroup).
 */
export function volumeObjects(state: ClusterState): object[] {
  const volume = (_: unknown, index: number) => {
    const name = `volume-${String(index + 1).padStart(2, '0')}`;
    const path = state.path('volumes', name);
    mkdirSync(path, { recursive: true });
    // As other provisioners of folders have it: pods run as users of all kinds.
    chmodSync(path, 0o777);
    const terms = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [NETWORK.node] }];
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        capacity: { storage: '16Gi' },
        accessModes: ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: 'standard',
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: terms }] } },
      },
    };
  };
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'standard',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...Array.from({ length: VOLUMES }, volume),
  ];
}
