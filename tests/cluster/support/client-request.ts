import { type Agent, request } from 'node:http';

/** What a client saw of one request. */
export interface Answer {
  /** 0 if there was none. */
  status: number;
  body: string;
  contentType: string;
  /** Seconds. */
  retryAfter: number | undefined;
  /** Why there was none: `ECONNREFUSED`, `ECONNRESET`, … */
  error?: string;
}

export interface Asked {
  method: 'GET' | 'POST';
  body?: string;
  headers?: Record<string, string>;
  agent: Agent;
  timeoutMs?: number;
}

/** Sends a request as a plain client does, which repeats nothing of itself. Never rejects. */
export function ask(
  url: string,
  { method, body, headers, agent, timeoutMs = 30_000 }: Asked,
): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({
        status: 0,
        body: '',
        contentType: '',
        retryAfter: undefined,
        error: error.code ?? error.message,
      });
    const asked = request(url, { method, headers, agent, timeout: timeoutMs }, async (response) => {
      try {
        const text = Buffer.concat(await response.toArray()).toString('utf8');
        const { 'content-type': contentType = '', 'retry-after': retryAfter } = response.headers;
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          contentType,
          retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
        });
      } catch (error) {
        fail(error as NodeJS.ErrnoException);
      }
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', fail);
    asked.end(body);
  });
}

/** A 503 that tells a client in the standard form (RFC 9457) what is wrong, and when to come back. */
export const isCleanRefusal = ({ status, contentType, retryAfter }: Answer): boolean =>
  status === 503 &&
  contentType.startsWith('application/problem+json') &&
  retryAfter !== undefined &&
  retryAfter >= 1;
