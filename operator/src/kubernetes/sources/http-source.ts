import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { maskUrl } from '@scrutin/shared/config.ts';
import type { ElectorateSourceSpec } from '../../electorate-source-schema.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { answered } from './answered.ts';
import type { ScratchFolder } from './scratch-folder.ts';

/**
 * Downloads the electorate's file; resolves with its path. `authorization` is sent as that header, and not on to another
 * host. Throws {@link StepError} that says what to do, also if the file is not the one with the wanted SHA-256.
 */
export async function downloadHttp(
  source: NonNullable<ElectorateSourceSpec['http']>,
  authorization: string | undefined,
  folder: ScratchFolder,
  signal?: AbortSignal,
): Promise<string> {
  const { url, sha256 } = source;
  const shown = String(maskUrl(url));
  const response = await request(url, shown, authorization, signal);
  if (!response.ok || !response.body)
    throw new StepError(
      'SourceRefused',
      `${shown} answers ${response.status}; ${
        response.status === 401 || response.status === 403
          ? 'correct the `authorization` in the Secret that spec.electorate.source.http.authSecretName names'
          : 'correct spec.electorate.source.http.url'
      }`,
    );
  const name = decodeName(new URL(url).pathname);
  let stored: { path: string; sha256: string };
  try {
    stored = await folder.store(name, Readable.fromWeb(response.body as ReadableStream), signal);
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw new StepError('SourceBroken', `the download of ${shown} broke off; it is tried again`, {
      cause: error,
    });
  }
  if (sha256 !== undefined && stored.sha256 !== sha256)
    throw new StepError(
      'ChecksumMismatch',
      `the file at ${shown} has the SHA-256 ${stored.sha256} and not ${sha256}; put the right file there, or correct spec.electorate.source.http.sha256`,
      { lasting: true },
    );
  return stored.path;
}

async function request(
  url: string,
  shown: string,
  authorization: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const headers = { accept: '*/*', ...(authorization && { authorization }) };
  try {
    return await answered((within) => fetch(url, { headers, signal: within }), signal);
  } catch (error) {
    throw new StepError(
      'SourceUnreachable',
      `${shown} does not answer; start that server, or correct spec.electorate.source.http.url`,
      { cause: error },
    );
  }
}

function decodeName(pathname: string): string {
  const last = pathname.split('/').at(-1);
  try {
    return decodeURIComponent(last || 'electorate');
  } catch {
    return 'electorate';
  }
}
