import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromSources } from '../go-tools/build.ts';
import { KEDA } from '../go-tools/recipes.ts';
import { VERSIONS } from '../go-tools/versions.ts';

/** A module of the Go module proxy, and the files in it that hold CustomResourceDefinitions. */
interface Source {
  module: string;
  version: string;
  files: readonly string[];
}

const keda = 'config/crd/bases/keda.sh_';
const monitors = 'example/prometheus-operator-crd/monitoring.coreos.com_';

const SOURCES: readonly Source[] = [
  {
    module: KEDA.module,
    version: KEDA.version,
    files: [`${keda}scaledobjects.yaml`, `${keda}triggerauthentications.yaml`],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: `v${VERSIONS.prometheusOperator}`,
    files: ['podmonitors', 'prometheusrules', 'servicemonitors'].map((kind) => `${monitors}${kind}.yaml`),
  },
  {
    module: 'sigs.k8s.io/gateway-api',
    version: `v${VERSIONS.gatewayApi}`,
    files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  },
  {
    module: 'github.com/cloudnative-pg/cloudnative-pg',
    version: `v${VERSIONS.cloudNativePg}`,
    files: ['config/crd/bases/postgresql.cnpg.io_clusters.yaml'],
  },
  {
    module: 'github.com/rabbitmq/cluster-operator/v2',
    version: `v${VERSIONS.rabbitmqClusterOperator}`,
    files: ['config/crd/bases/rabbitmq.com_rabbitmqclusters.yaml'],
  },
];

/** Files with the resources of others that the charts and `k8s/production` use, out of the modules that define them. */
export function foreignCrds(): Promise<string[]> {
  return Promise.all(
    SOURCES.map(({ module, version, files }) =>
      fromSources({ module, version, programs: {} }, keptAs(files), async (folder) => {
        return files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n---\n');
      }),
    ),
  );
}

/** Other files of the same module are another file in the cache. */
const keptAs = (files: readonly string[]): string =>
  `used-crds-${createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)}.yaml`;
