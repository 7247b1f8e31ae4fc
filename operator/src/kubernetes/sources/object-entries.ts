import type { CoreV1Api } from '@kubernetes/client-node';
import { StepError } from '../../reconcile/conditions.ts';
import { isForbidden, isNotFound } from '../kube-error.ts';
import type { ScratchFolder } from './scratch-folder.ts';

const HASH_FILE = /^[^.].*\.(?:json|txt)$/i;

/**
 * Stores the hash files (`.json`, `.txt`) among a ConfigMap's or a Secret's entries; resolves with the folder.
 * Throws {@link StepError} that says what to do.
 */
export async function storeEntries(
  core: CoreV1Api,
  kind: 'ConfigMap' | 'Secret',
  namespace: string,
  name: string,
  folder: ScratchFolder,
): Promise<string> {
  const entries = await read(core, kind, namespace, name);
  const files = entries.filter(([key]) => HASH_FILE.test(key));
  if (files.length === 0)
    throw new StepError(
      'SourceMissing',
      `${kind} ${name} has no entry that ends in .json or .txt; put the hash files there, or correct spec.electorate.source`,
      { lasting: true },
    );
  for (const [key, bytes] of files) await folder.storeBytes(key, bytes);
  return folder.path;
}

async function read(
  core: CoreV1Api,
  kind: 'ConfigMap' | 'Secret',
  namespace: string,
  name: string,
): Promise<[string, Buffer][]> {
  const decode = (entries: Record<string, string> = {}) =>
    Object.entries(entries).map(([key, text]): [string, Buffer] => [key, Buffer.from(text, 'base64')]);
  try {
    if (kind === 'Secret') return decode((await core.readNamespacedSecret({ namespace, name })).data);
    const { data = {}, binaryData } = await core.readNamespacedConfigMap({ namespace, name });
    const texts = Object.entries(data).map(([key, text]): [string, Buffer] => [key, Buffer.from(text)]);
    return [...texts, ...decode(binaryData)];
  } catch (error) {
    if (isNotFound(error))
      throw new StepError(
        'SourceMissing',
        `there is no ${kind} ${name} in namespace ${namespace}; make it, or correct spec.electorate.source`,
      );
    if (isForbidden(error))
      throw new StepError(
        'SourceForbidden',
        `the operator may not read ${kind} ${name} in namespace ${namespace}; grant its service account "get" on it by a Role there`,
      );
    throw error;
  }
}
