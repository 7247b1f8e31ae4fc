import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isBallotId } from '@scrutin/shared/ballot-id.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { QUEUES } from '@scrutin/shared/topology.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import fc from 'fast-check';
import { IngestionUnderTest, votesOf } from './testing/ingestion-under-test.ts';

const NAS = '046454286';
/** Not hexadecimal, or a ballot id in the log might hold it by chance. */
const CODE = 'Q1W2Z3';
const good = { nas: NAS, code: CODE, law_id: 'loi-1', vote: 'oui' };
const expectedVoter = voterHash(electorHash(NAS, CODE), pepperFromHex('ab'.repeat(32))).toString('hex');

let ingestion: IngestionUnderTest;

beforeAll(async () => {
  ingestion = await IngestionUnderTest.start();
});

afterAll(async () => {
  await ingestion.remove();
});

const queued = async () => votesOf(await ingestion.vhost.drain(QUEUES.validation));

/** Sends, and checks that the answer is a problem as RFC 9457 writes it and quotes neither NAS nor code. */
async function refusal(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  expect(text).not.toMatch(/\d{9}|Q1W2Z3/i);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(problem).toMatchObject({ status: response.status, title: expect.any(String) });
  expect(problem.type).toBe(`https://scrutin.dev/problems/${String(problem.code)}`);
  return problem;
}

describe('a vote that is accepted', () => {
  it('is answered with 202, its ballot id and where to ask for it, and is in the queue', async () => {
    const response = await ingestion.post(good);
    expect(response.status).toBe(202);
    const answer = (await response.json()) as Record<string, string>;
    expect(answer).toMatchObject({ status: 'accepted', message: expect.any(String) });
    expect(isBallotId(answer.request_id!, ingestion.electionId)).toBe(true);
    expect(answer.status_url).toBe(`http://127.0.0.1:3004/api/v1/ballots/${answer.request_id}`);
    expect(response.headers.get('location')).toBe(answer.status_url);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const [vote, ...others] = await queued();
    expect(others).toEqual([]);
    expect(vote).toEqual({
      ballot_id: answer.request_id,
      voter: expectedVoter,
      law_id: 'loi-1',
      vote: 'oui',
      timestamp: expect.any(String),
      status: 'pending',
      duplicate_count: 0,
    });
  });

  it.each([
    ['046 454 286', 'q1w2z3'],
    ['046-454-286', 'Q1w2Z3'],
    [' 046454286 ', 'q1W2z3'],
  ])('is the same voter’s when written %j, %j', async (nas, code) => {
    expect((await ingestion.post({ ...good, nas, code })).status).toBe(202);
    expect((await queued())[0]).toMatchObject({ voter: expectedVoter });
  });

  it('may have members that nobody knows, repeated members, and any depth of them', async () => {
    const deep = '['.repeat(1_000) + ']'.repeat(1_000);
    const bodies = [
      JSON.stringify({ ...good, request_id: 'mine', timestamp: 0, __proto__: { vote: 'non' } }),
      `{"__proto__":{"nas":"1"},"constructor":1,${JSON.stringify(good).slice(1)}`,
      `{"vote":"non",${JSON.stringify(good).slice(1)}`,
      `{"x":${deep},${JSON.stringify(good).slice(1)}`,
      `{"x":1e400,"y":-0,${JSON.stringify(good).slice(1)}`,
      `  \n\t${JSON.stringify(good)}\r\n`,
    ];
    for (const body of bodies) expect((await ingestion.post(body)).status).toBe(202);
    expect((await queued()).map(({ vote }) => vote)).toEqual(bodies.map(() => 'oui'));
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json; v=1'])(
    'may come as %s',
    async (type) => {
      expect((await ingestion.post(good, { 'Content-Type': type })).status).toBe(202);
      await queued();
    },
  );

  it('is the same ballot when a client sends it again under its Idempotency-Key', async () => {
    const send = async (key: string, changes: object = {}) => {
      const response = await ingestion.post({ ...good, ...changes }, { 'Idempotency-Key': key });
      return ((await response.json()) as { request_id: string }).request_id;
    };
    const first = await send('key-1');
    expect(isBallotId(first, ingestion.electionId)).toBe(true);
    expect(await send('key-1')).toBe(first);
    expect(await send('key-1', { nas: '046 454 286', code: 'q1w2z3' })).toBe(first);
    const others = [
      await send('key-2'),
      await send('key-1', { law_id: 'loi-2' }),
      await send('key-1', { nas: '130692544' }),
      await send('key-1', { code: 'ZZZZZZ' }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
    await queued();
  });
});

describe('a vote that is refused', () => {
  it.each([
    ['', 'not-json'],
    ['{"nas": ', 'not-json'],
    [`${JSON.stringify(good)},`, 'not-json'],
    [`\ufeff${JSON.stringify(good)}`, 'not-json'],
    ['nas=046454286&code=Q1W2Z3', 'not-json'],
    ["{'nas':'046454286'}", 'not-json'],
  ])('gets 400 when its body is not JSON: %j', async (body, code) => {
    const response = await ingestion.post(body);
    expect(response.status).toBe(400);
    expect(await refusal(response)).toMatchObject({ code });
  });

  it('gets 400 when its body is not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"nas":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const response = await fetch(`${ingestion.base}/api/v1/vote`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
  });

  it('gets 413 when its body is too large, whether its length was told or not', async () => {
    const large = JSON.stringify({ ...good, pad: 'x'.repeat(100_000) });
    const told = await ingestion.post(large);
    expect(told.status).toBe(413);
    expect(await refusal(told)).toMatchObject({ code: 'too-large' });
    const untold = await ingestion.raw(
      `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
    );
    expect(untold).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each<Record<string, string>>([
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Content-Type': 'application/json; charset=utf-16' },
    { 'Content-Type': 'application/jsonp' },
    { 'Content-Encoding': 'gzip' },
  ])('gets 415 when it is not sent as plain JSON: %j', async (headers) => {
    const response = await ingestion.post(good, headers);
    expect(response.status).toBe(415);
    expect(await refusal(response)).toMatchObject({ code: 'not-json-type' });
  });

  it.each([
    ['nas', '04645428'],
    ['nas', '0464542861'],
    ['nas', '０４６４５４２８６'],
    ['nas', 46454286],
    ['nas', ['046454286']],
    ['nas', { toString: 'x' }],
    ['nas', null],
    ['nas', undefined],
    ['code', 'Q1W2Z'],
    ['code', 'Q1W2Z3D'],
    ['code', 'A1B2Ç3'],
    ['code', 123456],
    ['law_id', '../etc/passwd'],
    ['law_id', 'loi:1'],
    ['law_id', ''],
    ['law_id', 7],
    ['vote', 'OUI'],
    ['vote', 'yes'],
    ['vote', true],
    ['vote', undefined],
  ])('gets 422 that names %s, not its value, when that is %j', async (field, value) => {
    const response = await ingestion.post({ ...good, [field]: value });
    expect(response.status).toBe(422);
    const problem = await refusal(response);
    expect(problem).toMatchObject({ code: 'invalid-submission', errors: [{ field }] });
    expect(problem.detail).toMatch(new RegExp(`^${field} `));
  });

  it.each(['[]', '"vote"', '42', 'null', 'true'])('gets 422 when its body is the JSON %s', async (body) => {
    const response = await ingestion.post(body);
    expect(response.status).toBe(422);
    expect(await refusal(response)).toMatchObject({ errors: [{ field: '' }] });
  });

  it('gets every fault named at once', async () => {
    const problem = await refusal(await ingestion.post({}));
    const fields = (problem.errors as { field: string; message: string }[]).map(({ field }) => field);
    expect(fields).toEqual(['nas', 'code', 'law_id', 'vote']);
  });

  it('gets 404 for a law that the election has not, with those that it has', async () => {
    const response = await ingestion.post({ ...good, law_id: 'loi-9' });
    expect(response.status).toBe(404);
    const problem = await refusal(response);
    expect(problem).toMatchObject({ code: 'unknown-law', detail: 'law_id must be one of: loi-1, loi-2' });
  });

  it('gets 405 with Allow for another method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${ingestion.base}/api/v1/vote`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      expect(await refusal(response)).toMatchObject({ code: 'method-not-allowed' });
    }
  });

  it('gets 404 at another address', async () => {
    for (const path of ['/api/v1/votes', '/api/v1/vote/1', '/API/V1/VOTE', '/', '/%2e%2e/etc/passwd']) {
      const response = await fetch(`${ingestion.base}${path}`, { method: 'POST', body: 'x' });
      expect(response.status).toBe(404);
      await refusal(response);
    }
  });

  it.each(['', ' ', 'é', 'a b', 'x'.repeat(256)])('gets 400 for the Idempotency-Key %j', async (key) => {
    const response = await ingestion.raw(
      `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: ${key}\r\n` +
        `Content-Length: ${JSON.stringify(good).length}\r\n\r\n${JSON.stringify(good)}`,
    );
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(response).toContain('"code":"bad-idempotency-key"');
  });

  it('is not in the queue', async () => {
    expect(await queued()).toEqual([]);
  });
});

describe('whatever a client sends', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 }));
  const anyMember = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    anyText,
    fc.constantFrom(NAS, CODE, 'loi-1', 'oui', '0464542８6', 'Q1W2Z3\u0301', '\u202e046454286', '\ud800'),
  );
  const anyBody = fc.oneof(
    fc.record({ nas: anyMember, code: anyMember, law_id: anyMember, vote: anyMember }, { requiredKeys: [] }),
    fc.jsonValue({ maxDepth: 6 }),
  );

  const answers = (status: number): boolean => status === 202 || (status >= 400 && status < 500);

  it('as JSON is accepted or refused as the client’s fault', async () => {
    await fc.assert(
      fc.asyncProperty(anyBody, async (body) => {
        const response = await ingestion.post(JSON.stringify(body));
        const text = await response.text();
        expect(answers(response.status)).toBe(true);
        if (response.status !== 202) expect(text).not.toMatch(/046454286|Q1W2Z3/);
      }),
      { numRuns: 400 },
    );
  });

  it('as bytes is answered or refused, never with a 500', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        const head = `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
        const answer = await ingestion.raw(Buffer.concat([Buffer.from(head), bytes]));
        expect(answer).toMatch(/^HTTP\/1\.1 (?:202|4\d\d) /);
      }),
      { numRuns: 100 },
    );
  });

  it('as path, method and headers is answered or refused, never with a 500', async () => {
    const path = fc.oneof(
      fc.webPath(),
      fc.string({ maxLength: 40 }).map((text) => `/api/v1/vote${text}`),
      fc.constantFrom('*', '/%', '/%E0%A4%A', '/%00', '//', '/api/v1/vote?__proto__[x]=1', '/docs/%2e%2e%2f'),
    );
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE', 'QUERY', 'BREW', 'get');
    const header = fc.tuple(
      fc.constantFrom(
        'Content-Type',
        'Content-Length',
        'Content-Encoding',
        'Transfer-Encoding',
        'Expect',
        'Upgrade',
        'X-Forwarded-For',
        'Idempotency-Key',
        'Host',
        'Range',
        'If-None-Match',
        'Accept',
      ),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(method, path, fc.array(header, { maxLength: 6 }), async (verb, target, headers) => {
        const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
        const request = `${verb} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`;
        // Half of what this sends is no HTTP: closed, or answered with one of Node's 4xx.
        const answer = await Promise.race([
          ingestion.raw(request),
          new Promise<string>((resolve) => setTimeout(resolve, 300, '').unref()),
        ]);
        if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 (?:100|200|202|301|304|4\d\d|503) /);
        if (answer.startsWith('HTTP/1.1 503')) throw new Error('a request failed inside');
      }),
      { numRuns: 300 },
    );
  });

  it('in a pipeline is answered in its order', async () => {
    const one = (vote: string) => {
      const body = JSON.stringify({ ...good, vote });
      return `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    await ingestion.vhost.drain(QUEUES.validation);
    const bytes = ['oui', 'perhaps', 'non', 'perhaps', 'oui'].map(one).join('');
    // The last one has the connection closed; before it there may be long silences, as the broker confirms.
    const last = bytes.lastIndexOf('Host: x\r\n');
    const closing = `${bytes.slice(0, last)}Connection: close\r\n${bytes.slice(last)}`;
    const answer = await ingestion.raw(closing, 20_000);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    expect(statuses).toEqual(['202', '422', '202', '422', '202']);
    expect((await queued()).map(({ vote }) => vote)).toEqual(['oui', 'non', 'oui']);
  });

  it('and breaks off in the middle leaves nothing behind', async () => {
    const { hostname, port } = new URL(ingestion.base);
    const before = Number(/scrutin_votes_accepted_total\{[^}]*\} (\d+)/.exec(await metrics())![1]);
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const socket = connect({ host: hostname, port: Number(port) });
        socket.on('error', () => {});
        const head = `POST /api/v1/vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"nas":"046454286"`;
        await new Promise((resolve) => socket.write(head.slice(0, 20 + i * 3), resolve));
        socket.destroy();
      }),
    );
    expect((await ingestion.post(good)).status).toBe(202);
    const after = /scrutin_votes_accepted_total\{[^}]*\} (\d+)/.exec(await metrics())![1];
    expect(Number(after)).toBe(before + 1);
    expect(await queued()).toHaveLength(1);
  });

  it('leaves the process healthy, without an error and without a NAS or a code in its log', async () => {
    expect((await fetch(`${ingestion.base}/health`)).status).toBe(200);
    expect(ingestion.running).toBe(true);
    expect(ingestion.output).not.toMatch(/"level":"(?:error|fatal)"/);
    expect(ingestion.output).not.toMatch(/046.?454.?286|Q1W2Z3/i);
  });
});

const metrics = async (): Promise<string> => (await fetch(`${ingestion.base}/metrics`)).text();

describe('the election’s time', () => {
  const state = async () => {
    const response = await ingestion.post(good);
    return { status: response.status, retryAfter: response.headers.get('retry-after'), response };
  };
  const becomes = async (status: number, code: string) => {
    await until(
      `votes are answered with ${status}`,
      async () => (await ingestion.post(good)).status === status,
      40_000,
    );
    const { response, retryAfter } = await state();
    expect(await refusal(response)).toMatchObject({ code });
    return retryAfter;
  };

  it('is not yet: 403 and when to come back', async () => {
    await ingestion.publish({ opensAt: new Date(Date.now() + 600_000).toISOString() });
    const retryAfter = Number(await becomes(403, 'not-open'));
    expect(retryAfter).toBeGreaterThan(480);
    expect(retryAfter).toBeLessThanOrEqual(600);
  });

  it('is over: 403, by the clock alone', async () => {
    await ingestion.publish({ closesAt: new Date(Date.now() + 12_000).toISOString() });
    await until('it is open', async () => (await ingestion.post(good)).status === 202);
    expect(await becomes(403, 'closed')).toBeNull();
  });

  it('is suspended: 503 and when to come back', async () => {
    await ingestion.publish({ suspended: true });
    expect(await becomes(503, 'suspended')).toBe('30');
    await ingestion.publish();
    await until('it is open again', async () => (await ingestion.post(good)).status === 202);
  });

  it('asks for the Luhn check only if the election does', async () => {
    const wrong = { ...good, nas: '046454287' };
    expect((await ingestion.post(wrong)).status).toBe(202);
    await ingestion.publish({ luhn: true });
    await until('the check is on', async () => (await ingestion.post(wrong)).status === 422);
    expect((await ingestion.post(good)).status).toBe(202);
  });

  it('records clients only if the election does', async () => {
    await ingestion.vhost.drain(QUEUES.validation);
    await ingestion.post(good, { 'User-Agent': 'test/1' });
    expect((await queued())[0]).not.toHaveProperty('ip');
    await ingestion.publish({ recordClients: true });
    await until('clients are recorded', async () => {
      await ingestion.post(good, { 'User-Agent': `test/${'1'.repeat(400)}` });
      return (await queued()).some(({ ip, user_agent }) => ip === '127.0.0.1' && user_agent?.length === 256);
    });
  });
});
