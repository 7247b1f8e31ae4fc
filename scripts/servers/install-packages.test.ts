import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('./install-packages.sh', import.meta.url));

let root: string;
let policy: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scrutin-root-'));
  policy = join(root, 'usr/sbin/policy-rc.d');
  mkdirSync(join(root, 'usr/sbin'), { recursive: true });
  mkdirSync(join(root, 'bin'));
  env = { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}`, ROOT: root };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** An apt-get of the test's own: writes down what it saw, then does as told. */
function aptGet(install: string) {
  writeFileSync(
    join(root, 'bin/apt-get'),
    `#!/bin/sh
case "$*" in *install*)
  echo "$@" >"$ROOT/arguments"
  "$ROOT/usr/sbin/policy-rc.d" redis-server start; echo $? >"$ROOT/policy-code"
  cp "$ROOT/etc/postgresql-common/createcluster.d/scrutin.conf" "$ROOT/cluster-settings"
  ${install}
esac
`,
    { mode: 0o755 },
  );
  // No service manager of this machine is asked anything by a test.
  writeFileSync(join(root, 'bin/systemctl'), '#!/bin/sh\necho "$@" >>"$ROOT/systemctl"\n', { mode: 0o755 });
}

const run = () => execFileSync('sh', [SCRIPT, root, 'redis-server', 'postgresql'], { env, stdio: 'pipe' });
const saw = (name: string) => readFileSync(join(root, name), 'utf8').trim();

function expectPutBack() {
  expect(existsSync(`${policy}.before-scrutin`)).toBe(false);
  expect(existsSync(join(root, 'etc/postgresql-common/createcluster.d/scrutin.conf'))).toBe(false);
}

describe('installing packages', () => {
  test('keeps every service stopped meanwhile and leaves no trace of that', () => {
    aptGet('exit 0');
    run();
    expect(saw('policy-code')).toBe('101');
    expect(saw('cluster-settings')).toBe('create_main_cluster = false');
    expect(saw('arguments')).toMatch(/ install redis-server postgresql$/);
    expect(saw('systemctl').split('\n')).toEqual([
      'disable redis-server.service',
      'disable postgresql.service',
    ]);
    expect(existsSync(policy)).toBe(false);
    expectPutBack();
  });

  test('puts a policy that was there back as it was, also after a failure', () => {
    writeFileSync(policy, '#!/bin/sh\nexit 104\n', { mode: 0o750 });
    const before = statSync(policy);
    aptGet('exit 100');
    expect(run).toThrow();
    expect(saw('policy-code')).toBe('101');
    const after = statSync(policy);
    expect([after.mode, after.ino, after.mtimeMs]).toEqual([before.mode, before.ino, before.mtimeMs]);
    expect(readFileSync(policy, 'utf8')).toBe('#!/bin/sh\nexit 104\n');
    expectPutBack();
  });

  test('puts a policy back that is a link leading nowhere', () => {
    symlinkSync('/nowhere', policy);
    aptGet('exit 0');
    run();
    expect(lstatSync(policy).isSymbolicLink()).toBe(true);
    expectPutBack();
  });

  test('puts it back when it is interrupted', async () => {
    writeFileSync(policy, 'mine', { mode: 0o755 });
    aptGet('echo at-it; exec sleep 60');
    const child = spawn('sh', [SCRIPT, root, 'redis-server'], { env, detached: true });
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('at-it')) resolve();
      });
    });
    // As the terminal does it: the whole group gets the signal.
    process.kill(-child.pid!, 'SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).not.toBe(0);
    expect(readFileSync(policy, 'utf8')).toBe('mine');
    expectPutBack();
  });

  test('puts back what a killed run has left, before it begins', () => {
    writeFileSync(`${policy}.before-scrutin`, 'mine', { mode: 0o755 });
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    aptGet('exit 0');
    run();
    expect(readFileSync(policy, 'utf8')).toBe('mine');
    expectPutBack();
  });
});
