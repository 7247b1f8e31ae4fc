import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { ScrutinError } from '@scrutin/shared/errors.ts';

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i;
const CHARSET = /;[\t ]*charset[\t ]*=[\t ]*"?([^\t ;"]+)/i;
/** RFC 8259, section 8.1: JSON is UTF-8, of which ASCII is a part. */
const CHARSETS = ['utf-8', 'utf8', 'us-ascii'];

/**
 * Reads a request's body of at most `limit` bytes and decodes its JSON. Throws a {@link ScrutinError}:
 * `not-json-type`, `too-large` (before reading, where the length is told), `not-json`, or `bad-request` when
 * the client breaks off.
 *
 * In place of express.json: that costs a tenth of all the work of a vote (measured with `--cpu-prof`), takes
 * UTF-16, and reads broken UTF-8 as something else.
 */
export async function readJsonBody(request: IncomingMessage, limit: number): Promise<unknown> {
  requireJsonType(request);
  const length = request.headers['content-length'];
  if (length !== undefined && Number(length) > limit) throw tooLarge(limit);
  const content = await readBody(request, limit);
  if (isUtf8(content)) {
    try {
      return JSON.parse(content.toString());
    } catch {
      // JSON.parse's own message quotes the body, which may hold a NAS (P4).
    }
  }
  throw new ScrutinError('not-json', 'The body must be one complete JSON object');
}

function requireJsonType({ headers }: IncomingMessage): void {
  const type = headers['content-type'] ?? '';
  const encoding = headers['content-encoding'] ?? 'identity';
  if (type === 'application/json' && encoding === 'identity') return;
  if (!JSON_TYPE.test(type))
    throw new ScrutinError('not-json-type', 'Send the vote with Content-Type: application/json');
  const charset = CHARSET.exec(type)?.[1] ?? 'utf-8';
  if (!CHARSETS.includes(charset.toLowerCase()) || encoding.toLowerCase() !== 'identity')
    throw new ScrutinError('not-json-type', 'Send the body as application/json in UTF-8, not compressed');
}

function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= limit) return;
      // The rest is read and thrown away, so that the client gets to see its answer.
      request.off('data', onData);
      request.resume();
      reject(tooLarge(limit));
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    // Both tell of a client that went away. An error costs a stack, so none is made for the ordinary close.
    const broken = () => {
      if (!request.complete) reject(new ScrutinError('bad-request', 'The body was not sent to its end'));
    };
    request.once('close', broken);
    request.once('error', broken);
  });
}

const tooLarge = (limit: number): ScrutinError =>
  new ScrutinError('too-large', `The body is larger than a vote can be (${limit} bytes)`);
