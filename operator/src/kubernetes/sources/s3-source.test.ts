import { createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { downloadS3 } from './s3-source.ts';
import { ScratchFolder } from './scratch-folder.ts';

const CREDENTIALS = { accessKeyId: 'AKID', secretAccessKey: 'secret/key+1' };

let server: Server;
let folder: ScratchFolder;
let endpoint: string;
let objects: Map<string, string>;
/** Keys of a page of the listing. */
let page = 1_000;
let requests: string[];

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Checks a request's signature by the definition (Amazon S3 API reference, Signature Version 4), query included. */
function isSigned(request: IncomingMessage): boolean {
  const match =
    /^AWS4-HMAC-SHA256 Credential=AKID\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!match) return false;
  const [, day, region, names, signature] = match as unknown as [string, string, string, string, string];
  const url = new URL(request.url!, endpoint);
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [
    request.method,
    url.pathname,
    query,
    headers.join(''),
    names,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${request.headers['x-amz-date']}\n${scope}\n${sha256(canonical)}`;
  const key = ['s3', 'aws4_request'].reduce(
    (previous, part) => hmac(previous, part),
    hmac(hmac(`AWS4${CREDENTIALS.secretAccessKey}`, day), region),
  );
  return hmac(key, toSign).toString('hex') === signature;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  requests.push(request.url!);
  const fail = (status: number, code: string) =>
    response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
  if (!isSigned(request)) return void fail(403, 'SignatureDoesNotMatch');
  const url = new URL(request.url!, endpoint);
  const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
  if (bucket !== 'rolls') return void fail(404, 'NoSuchBucket');
  if (rest.join('/') !== '') return void response.end(objects.get(rest.join('/')));
  const prefix = url.searchParams.get('prefix')!;
  const from = Number(url.searchParams.get('continuation-token') ?? 0);
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const some = keys.slice(from, from + page);
  const next =
    from + page < keys.length ? `<NextContinuationToken>${from + page}</NextContinuationToken>` : '';
  const entries = some.map((key) => `<Contents><Key>${encodeURIComponent(key)}</Key></Contents>`).join('');
  response.end(`<?xml version="1.0"?><ListBucketResult>${next}${entries}</ListBucketResult>`);
}

beforeEach(async () => {
  folder = new ScratchFolder();
  objects = new Map();
  requests = [];
  page = 1_000;
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterEach(async () => {
  folder.remove();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const source = (changes: object = {}) => ({
  endpoint,
  region: 'ca-central-1',
  bucket: 'rolls',
  prefix: 'qc/',
  credentialsSecretName: 's3-keys',
  ...changes,
});

test('every hash file under the prefix is stored, over several pages of the listing, and nothing else', async () => {
  page = 2;
  for (const key of ['qc/a.txt', 'qc/b & c.json', 'qc/deep/d.txt', 'qc/readme.md', 'on/e.txt'])
    objects.set(key, `content of ${key}`);
  const path = await downloadS3(source(), CREDENTIALS, folder);
  expect(readdirSync(path).sort()).toEqual(['qc%2Fa.txt', 'qc%2Fb%20%26%20c.json', 'qc%2Fdeep%2Fd.txt']);
  expect(readFileSync(`${path}/qc%2Fb%20%26%20c.json`, 'utf8')).toBe('content of qc/b & c.json');
  expect(requests.filter((url) => url.includes('list-type'))).toHaveLength(2);
});

test('a wrong key is told with the Secret to correct', async () => {
  const wrong = { ...CREDENTIALS, secretAccessKey: 'other' };
  await expect(downloadS3(source(), wrong, folder)).rejects.toMatchObject({
    reason: 'SourceRefused',
    message: expect.stringMatching(/SignatureDoesNotMatch.*Secret s3-keys/),
  });
});

test('a bucket that is not there, and one without hash files, are told', async () => {
  await expect(downloadS3(source({ bucket: 'other' }), CREDENTIALS, folder)).rejects.toMatchObject({
    message: expect.stringContaining('NoSuchBucket'),
  });
  objects.set('qc/readme.md', '');
  await expect(downloadS3(source(), CREDENTIALS, folder)).rejects.toMatchObject({
    reason: 'SourceMissing',
    lasting: true,
  });
});

test('a server that is not there is told', async () => {
  await expect(
    downloadS3(source({ endpoint: 'http://127.0.0.1:1' }), CREDENTIALS, folder),
  ).rejects.toMatchObject({ reason: 'SourceUnreachable' });
});
