import http from 'k6/http';
import { refused, unexpected } from './metrics.ts';
import { LAWS, TARGET } from './settings.ts';

const VOTE = '/api/v1/vote';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const GOOD = { nas: '046454286', code: 'A1B2C3', law_id: LAWS[0]!, vote: 'oui' };
const json = (body: object) => JSON.stringify({ ...GOOD, ...body });

/** Requests that no vote can come of, and the answers that are right. */
const REQUESTS: {
  method: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
  right: number[];
}[] = [
  { method: 'POST', path: VOTE, body: '{"nas": ', right: [400] },
  { method: 'POST', path: VOTE, body: '', right: [400] },
  { method: 'POST', path: VOTE, body: '[]', right: [422] },
  { method: 'POST', path: VOTE, body: json({ nas: '04645428' }), right: [422] },
  { method: 'POST', path: VOTE, body: json({ nas: '１２３４５６７８９' }), right: [422] },
  { method: 'POST', path: VOTE, body: json({ code: "'; drop table vote_results; --" }), right: [422] },
  { method: 'POST', path: VOTE, body: json({ vote: 'peut-être' }), right: [422] },
  { method: 'POST', path: VOTE, body: json({ law_id: 'x'.repeat(300) }), right: [404, 422] },
  { method: 'POST', path: VOTE, body: json({ law_id: '../../etc/passwd' }), right: [404, 422] },
  { method: 'POST', path: VOTE, body: `{"a":"${'x'.repeat(100_000)}"}`, right: [413] },
  { method: 'POST', path: VOTE, body: `${'['.repeat(2_000)}${']'.repeat(2_000)}`, right: [400, 422] },
  {
    method: 'POST',
    path: VOTE,
    body: 'nas=046454286',
    headers: { 'Content-Type': 'text/plain' },
    right: [415],
  },
  {
    method: 'POST',
    path: VOTE,
    body: json({}),
    headers: { ...JSON_TYPE, 'Idempotency-Key': 'x'.repeat(300) },
    right: [400],
  },
  { method: 'GET', path: VOTE, right: [405] },
  { method: 'DELETE', path: VOTE, right: [405] },
  { method: 'GET', path: '/..%2f..%2fetc/passwd', right: [400, 404] },
  { method: 'GET', path: '/%ff%00', right: [400, 404] },
];

/** Sends the request of number `n`, in turn. */
export function sendHostile(n: number): void {
  const { method, path, body, headers = JSON_TYPE, right } = REQUESTS[n % REQUESTS.length]!;
  const answer = http.request(method, `${TARGET}${path}`, body ?? null, {
    headers,
    tags: { name: 'hostile' },
  });
  if (answer.status === 429 || answer.status === 503) refused.add(1);
  else if (!right.includes(answer.status)) {
    unexpected.add(1);
    console.error(
      `request ${n % REQUESTS.length} (${method} ${path.slice(0, 40)}) was answered with ${answer.status}`,
    );
  }
}
