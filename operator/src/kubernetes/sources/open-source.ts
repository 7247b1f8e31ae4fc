import type { CoreV1Api } from '@kubernetes/client-node';
import type { Election } from '../../election-resource.ts';
import { filesSource, type HashSource } from '../../electorate/hash-source.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { readSecret, secretText } from '../connection-secrets.ts';
import { downloadHttp } from './http-source.ts';
import { storeEntries } from './object-entries.ts';
import { downloadS3, type S3Credentials } from './s3-source.ts';
import { ScratchFolder } from './scratch-folder.ts';

/**
 * An Election's electorate source as files of this machine, fetched once for a reconciliation: its digest and its hashes
 * are those of the same bytes.
 */
export class FetchedSource {
  readonly #core: CoreV1Api;
  #folder: ScratchFolder | undefined;
  #source: HashSource | undefined;

  constructor(core: CoreV1Api) {
    this.#core = core;
  }

  /**
   * Fetches unless it has been, until `signal` is aborted. Throws {@link StepError} that says what to do.
   */
  async open(election: Election, signal?: AbortSignal): Promise<HashSource> {
    if (this.#source) return this.#source;
    this.#folder ??= new ScratchFolder();
    try {
      this.#source = filesSource(await this.#fetch(election, this.#folder, signal));
    } catch (error) {
      this.close();
      throw error;
    }
    return this.#source;
  }

  /** Removes what was fetched; the next {@link open} fetches anew. */
  close(): void {
    this.#folder?.remove();
    this.#folder = undefined;
    this.#source = undefined;
  }

  async #fetch(election: Election, folder: ScratchFolder, signal: AbortSignal | undefined): Promise<string> {
    const { configMap, secret, http, s3, persistentVolumeClaim } = election.spec.electorate.source;
    const { namespace = 'default' } = election.metadata;
    if (configMap) return storeEntries(this.#core, 'ConfigMap', namespace, configMap.name, folder);
    if (secret) return storeEntries(this.#core, 'Secret', namespace, secret.name, folder);
    if (http)
      return downloadHttp(http, await this.#authorization(namespace, http.authSecretName), folder, signal);
    if (s3)
      return downloadS3(s3, await this.#credentials(namespace, s3.credentialsSecretName), folder, signal);
    throw new StepError(
      'SourceNotServed',
      `persistentVolumeClaim ${persistentVolumeClaim?.claimName} is read by a Job, and the operator was started without LOADER_IMAGE; set it, or use another source`,
      { lasting: true },
    );
  }

  async #authorization(namespace: string, name: string | undefined): Promise<string | undefined> {
    if (name === undefined) return undefined;
    const field = 'electorate.source.http.authSecretName';
    const value = secretText(await readSecret(this.#core, namespace, name, field), 'authorization');
    if (!value) throw new StepError('SecretIncomplete', `Secret ${name} has no entry \`authorization\``);
    return value;
  }

  async #credentials(namespace: string, name: string): Promise<S3Credentials> {
    const secret = await readSecret(
      this.#core,
      namespace,
      name,
      'electorate.source.s3.credentialsSecretName',
    );
    const accessKeyId = secretText(secret, 'accessKeyId');
    const secretAccessKey = secretText(secret, 'secretAccessKey');
    if (!accessKeyId || !secretAccessKey)
      throw new StepError('SecretIncomplete', `Secret ${name} must have accessKeyId and secretAccessKey`);
    return { accessKeyId, secretAccessKey };
  }
}
