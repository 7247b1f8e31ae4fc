import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { downloadS3 } from './s3-source.ts';
import { ScratchFolder } from './scratch-folder.ts';

let server: Server;
let folder: ScratchFolder;
let answer: RequestListener;

beforeEach(async () => {
  folder = new ScratchFolder();
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  folder.remove();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Within 20 s. */
const download = () => {
  const source = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'ca-central-1',
    bucket: 'rolls',
    prefix: '',
    credentialsSecretName: 's3-keys',
  };
  const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
  return downloadS3(source, credentials, folder, AbortSignal.timeout(20_000));
};

test('a listing that always has another page is left', async () => {
  let pages = 0;
  answer = (_request, response) => {
    pages++;
    response.end(
      `<ListBucketResult><NextContinuationToken>${pages}</NextContinuationToken></ListBucketResult>`,
    );
  };
  await expect(download()).rejects.toMatchObject({ reason: 'SourceTooLarge', lasting: true });
});

test.each([200, 403])(
  'an answer %i without end is left, and not kept in memory',
  async (status) => {
    answer = (_request, response) => {
      response.writeHead(status);
      const more = () => {
        while (response.writable && response.write(' '.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    };
    await expect(download()).rejects.toMatchObject({ reason: 'SourceTooLarge', lasting: true });
  },
  60_000,
);
