import { ApiException } from '@kubernetes/client-node';

/** The HTTP status of an API server's refusal; undefined if there was no answer. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof ApiException ? error.code : (error as { statusCode?: number } | undefined)?.statusCode;

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404;
export const isConflict = (error: unknown): boolean => statusOf(error) === 409;
export const isForbidden = (error: unknown): boolean => statusOf(error) === 403;
/** The version that a watch or a page was asked from is forgotten. */
export const isGone = (error: unknown): boolean => statusOf(error) === 410;

/** What the API server said, as a sentence; an ApiException's own message holds headers too. */
export function messageOf(error: unknown): string {
  if (!(error instanceof ApiException)) return (error as Error)?.message ?? String(error);
  const { body, code } = error as ApiException<unknown>;
  const status = typeof body === 'string' ? parse(body) : body;
  const { message } = (status ?? {}) as { message?: string };
  return message ?? `the API server answered ${code}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
