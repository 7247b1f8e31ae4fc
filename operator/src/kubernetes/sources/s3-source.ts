import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AwsClient } from 'aws4fetch';
import type { ElectorateSourceSpec } from '../../electorate-source-schema.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { answered } from './answered.ts';
import type { ScratchFolder } from './scratch-folder.ts';

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

type S3Spec = NonNullable<ElectorateSourceSpec['s3']>;

const HASH_FILE = /[^/]\.(?:json|txt)$/i;
/** Of a listing, each of up to 1,000 objects; and bytes of one, or of a refusal. A server may go on for ever. */
const MOST_PAGES = 100;
const MOST_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * Downloads the hash files (`.json`, `.txt`) of a bucket whose key begins with the prefix; resolves with the folder.
 * Path-style addresses, which every S3-compatible server takes. Throws {@link StepError} that says what to do.
 */
export async function downloadS3(
  source: S3Spec,
  credentials: S3Credentials,
  folder: ScratchFolder,
  signal?: AbortSignal,
): Promise<string> {
  const client = new AwsClient({ ...credentials, region: source.region, service: 's3', retries: 3 });
  const bucket = `${source.endpoint.replace(/\/+$/, '')}/${encodeURIComponent(source.bucket)}`;
  const keys = (await listKeys(client, bucket, source, signal)).filter((key) => HASH_FILE.test(key)).sort();
  if (keys.length === 0)
    throw new StepError(
      'SourceMissing',
      `bucket ${source.bucket} has no .json or .txt object whose key begins with "${source.prefix}"; put the hash files there, or correct spec.electorate.source.s3`,
      { lasting: true },
    );
  for (const key of keys) {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const response = await ask(client, `${bucket}/${path}`, source, signal);
    await folder
      .store(key, Readable.fromWeb(response.body as ReadableStream), signal)
      .catch((error: Error) => {
        if (error instanceof StepError) throw error;
        throw new StepError('SourceBroken', `the download of ${key} from bucket ${source.bucket} broke off`, {
          cause: error,
        });
      });
  }
  return folder.path;
}

/** ListObjectsV2 (Amazon S3 API reference). With URL-encoded keys, so that the answer needs no XML entities. */
async function listKeys(
  client: AwsClient,
  bucket: string,
  source: S3Spec,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const keys: string[] = [];
  let from: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix: source.prefix });
    if (from) query.set('continuation-token', from);
    const answer = await textOf(await ask(client, `${bucket}?${query}`, source, signal), source);
    for (const [, key] of answer.matchAll(/<Key>([^<]*)<\/Key>/g))
      keys.push(decodeURIComponent(key!.replaceAll('+', ' ')));
    from = /<NextContinuationToken>([^<]*)</.exec(answer)?.[1];
    if (!from) return keys;
  }
  throw tooMuch(source);
}

/** An answer's text. Throws {@link StepError} if there is more of it than any of these answers has. */
async function textOf(response: Response, source: S3Spec): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) throw tooMuch(source);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooMuch = ({ endpoint, bucket }: S3Spec): StepError =>
  new StepError(
    'SourceTooLarge',
    `${endpoint} tells more of bucket ${bucket} than an electorate has; correct spec.electorate.source.s3, with a prefix that only the hash files have`,
    { lasting: true },
  );

async function ask(
  client: AwsClient,
  url: string,
  source: S3Spec,
  signal: AbortSignal | undefined,
): Promise<Response> {
  let response: Response;
  try {
    response = await answered((within) => client.fetch(url, { signal: within }), signal);
  } catch (error) {
    throw new StepError(
      'SourceUnreachable',
      `${source.endpoint} does not answer; start that server, or correct spec.electorate.source.s3.endpoint`,
      { cause: error },
    );
  }
  if (response.ok) return response;
  const why = /<Code>([^<]*)</.exec(await textOf(response, source))?.[1] ?? String(response.status);
  throw new StepError(
    'SourceRefused',
    `${source.endpoint} refuses bucket ${source.bucket} (${why}); correct spec.electorate.source.s3 or Secret ${source.credentialsSecretName}`,
  );
}
