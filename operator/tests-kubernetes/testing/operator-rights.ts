import { stringify } from 'yaml';
import type { Cluster } from './cluster.ts';

/** What the operator may do everywhere: no Secret is among it, and no wildcard. */
const EVERYWHERE = [
  { apiGroups: ['scrutin.dev'], resources: ['elections'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: ['scrutin.dev'], resources: ['elections/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];

/** What it may do to one Lease. Making it can't be limited to a name. */
const leaseRules = (lease: string) => [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [lease],
    verbs: ['get', 'update'],
  },
];

/** What an election's namespace grants it: these Secrets and ConfigMaps by name, and the Jobs that load electorates. */
const namespaceRules = (secrets: readonly string[], configMaps: readonly string[]) => [
  { apiGroups: [''], resources: ['secrets'], resourceNames: [...secrets], verbs: ['get'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [...configMaps], verbs: ['get'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
];

const rbac = 'rbac.authorization.k8s.io';
const subjects = [{ apiGroup: rbac, kind: 'User', name: 'operator' }];

/** Grants the user `operator` what an operator needs on the whole cluster, and its Lease in `default`. */
export const grantOperator = (cluster: Cluster, lease: string): Promise<void> =>
  apply(cluster, [
    ...granted('ClusterRole', undefined, 'scrutin-operator', EVERYWHERE),
    ...granted('Role', 'default', 'scrutin-operator-lease', leaseRules(lease)),
  ]);

/** Grants the user `operator` what it needs in a namespace with Elections. */
export const grantNamespace = (
  cluster: Cluster,
  namespace: string,
  secrets: readonly string[] = ['scrutin-connections', 'scrutin-pepper'],
  configMaps: readonly string[] = ['electorate'],
): Promise<void> =>
  apply(cluster, granted('Role', namespace, 'scrutin-election', namespaceRules(secrets, configMaps)));

function granted(kind: 'ClusterRole' | 'Role', namespace: string | undefined, name: string, rules: object[]) {
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  return [
    { apiVersion: `${rbac}/v1`, kind, metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: rbac, kind, name },
      subjects,
    },
  ];
}

/** Applies objects as the administrator. Rejects with what kubectl says. */
export async function apply({ kubectl }: Cluster, objects: readonly object[]): Promise<void> {
  const text = objects.map((object) => stringify(object)).join('---\n');
  const { code, err } = await kubectl(['apply', '--server-side', '-f', '-'], text);
  if (code !== 0) throw new Error(err);
}
