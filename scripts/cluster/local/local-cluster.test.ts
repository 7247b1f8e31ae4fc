import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from '../run-program.ts';
import { fullName } from './images.ts';
import { makeKeys } from './keys.ts';
import { mountPoints } from './remains.ts';
import { scratchImage } from './scratch-image.ts';
import { ClusterState } from './state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-cluster-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('names of images', () => {
  it.each([
    ['app:1', 'docker.io/library/app:1'],
    ['scrutin/ingestion:0.1.0', 'docker.io/scrutin/ingestion:0.1.0'],
    ['localhost/scrutin/pause:v1', 'localhost/scrutin/pause:v1'],
    ['registry:5000/app:1', 'registry:5000/app:1'],
    ['ghcr.io/kedacore/keda:2.18.1', 'ghcr.io/kedacore/keda:2.18.1'],
  ])('%s is %s to Kubernetes', (name, full) => expect(fullName(name)).toBe(full));
});

describe('what is still mounted', () => {
  it('is read with the spaces that the kernel writes as octal numbers', () => {
    const info =
      '36 35 98:0 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n37 35 0:5 / /dev rw - devtmpfs x rw\n';
    expect(mountPoints(info)).toEqual(['/mnt/a b', '/dev']);
  });
});

describe('the keys of a cluster', () => {
  it('are private, and its authority vouches for the API server under the names that pods and people use', async () => {
    const state = ClusterState.open(folder);
    await makeKeys(state);
    expect(statSync(state.path('keys', 'apiserver.key')).mode & 0o777).toBe(0o600);
    const ca = state.path('keys', 'ca.crt');
    for (const host of ['kubernetes.default.svc', 'localhost']) {
      const args = ['verify', '-CAfile', ca, '-purpose', 'sslserver', '-verify_hostname', host];
      expect((await run('openssl', [...args, state.path('keys', 'apiserver.crt')])).code).toBe(0);
    }
    const proxy = state.path('keys', 'front-proxy-client.crt');
    expect((await run('openssl', ['verify', '-CAfile', ca, proxy])).code).not.toBe(0);
  });

  it('stay the same when the cluster is started again', async () => {
    const state = ClusterState.open(folder);
    await makeKeys(state);
    const before = statSync(state.path('keys', 'ca.crt')).mtimeMs;
    await makeKeys(ClusterState.open(folder));
    expect(statSync(state.path('keys', 'ca.crt')).mtimeMs).toBe(before);
    expect(ClusterState.open(folder).token('admin')).toBe(state.token('admin'));
  });
});

describe('an image made of programs', () => {
  it('is the same archive whenever it is made, and leaves no folder behind', async () => {
    const archive = join(folder, 'image.tar');
    await scratchImage(archive, 'localhost/scrutin/test:1', [process.execPath]);
    const listed = await run('tar', ['-tf', archive]);
    expect(listed.out.split('\n').filter(Boolean)).toEqual(['manifest.json', 'config.json', 'layer.tar']);
    const again = join(folder, 'again.tar');
    await scratchImage(again, 'localhost/scrutin/test:1', [process.execPath]);
    const config = async (path: string) => (await run('tar', ['-xOf', path, 'config.json'])).out;
    expect(await config(again)).toBe(await config(archive));
    expect((await run('ls', [folder])).out.split('\n').filter(Boolean)).toEqual(['again.tar', 'image.tar']);
    // Four copies of Node itself, 120 MB each, are written and read.
  }, 120_000);
});
