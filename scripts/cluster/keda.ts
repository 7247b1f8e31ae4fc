import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { fromSources } from '../go-tools/build.ts';
import { KEDA } from '../go-tools/recipes.ts';
import { VERSIONS } from '../go-tools/versions.ts';
import { must } from './run-program.ts';

interface Container {
  image: string;
  imagePullPolicy?: string;
}
interface KubernetesObject {
  kind: string;
  metadata: { name: string };
  spec?: { template?: { spec: { containers: Container[] } } };
}

/** The images that KEDA's manifests name; the local cluster has its own under the same names. */
export const KEDA_IMAGES = {
  keda: `ghcr.io/kedacore/keda:${VERSIONS.keda}`,
  'keda-adapter': `ghcr.io/kedacore/keda-metrics-apiserver:${VERSIONS.keda}`,
} as const;

/**
 * KEDA's manifests as its sources have them, in the cache: without the admission webhook, which is optional, and
 * with the images of its version, pulled only where they are not there.
 */
export const kedaManifests = (kubectl: string): Promise<string> =>
  fromSources(KEDA, 'keda.yaml', async (folder) => {
    const text = await must(kubectl, ['kustomize', join(folder, 'config', 'default')]);
    const objects = parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
    const wanted = objects.filter(
      ({ kind, metadata }) =>
        kind !== 'ValidatingWebhookConfiguration' && !metadata.name.startsWith('keda-admission'),
    );
    for (const { spec } of wanted)
      for (const container of spec?.template?.spec?.containers ?? []) {
        container.image = container.image.replace(/:main$/, `:${VERSIONS.keda}`);
        container.imagePullPolicy = 'IfNotPresent';
      }
    return wanted.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
  });
