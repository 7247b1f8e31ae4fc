import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
// @ts-expect-error plain JavaScript, so that any Node can run it
import { COMMANDS, packagesAreStale } from './bootstrap.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** A project of the test's own: the bootstrap, a command, and an npm that only says what it was asked. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-bootstrap-'));
  mkdirSync(join(folder, 'scripts'));
  mkdirSync(join(folder, 'bin'));
  cpSync(join(PROJECT, 'scripts/bootstrap.mjs'), join(folder, 'scripts/bootstrap.mjs'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'package-lock.json'), '{}');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function install() {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), '{}');
  symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'));
}
const npm = (script: string) =>
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
const command = (source: string) => writeFileSync(join(folder, 'scripts/urls.ts'), source);
const env = () => ({ ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` });
const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(folder, 'scripts/bootstrap.mjs'), ...args], {
    env: env(),
    cwd: tmpdir(),
    encoding: 'utf8',
  });

describe('the bootstrap', () => {
  test('has every command of package.json, each with its file', () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const called = Object.values(scripts).flatMap(
      (line) => /^node scripts\/bootstrap.mjs (\S+)$/.exec(line)?.[1] ?? [],
    );
    expect(called.sort()).toEqual(Object.keys(COMMANDS).sort());
    expect(called.filter((name) => !existsSync(join(PROJECT, 'scripts', `${name}.ts`)))).toEqual([]);
  });

  test('passes arguments and the exit code through, from any folder', () => {
    install();
    command(
      'const rest: string[] = process.argv.slice(2); console.log(JSON.stringify(rest)); process.exit(7);',
    );
    const { status, stdout } = run('urls', '--a', 'b c', '*');
    expect(JSON.parse(stdout)).toEqual(['--a', 'b c', '*']);
    expect(status).toBe(7);
  });

  test('tells the commands to who names none, and to who names an unknown one', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('scale-workers') });
    expect(run('constructor')).toMatchObject({ status: 2, stderr: expect.stringContaining('backup-db') });
  });

  test('passes signals on and waits for the command to end', async () => {
    install();
    command(`process.on('SIGTERM', () => setTimeout(() => { console.log('in order'); process.exit(0); }, 100));
      setInterval(() => {}, 1000); console.log('up');`);
    const child = spawn(process.execPath, [join(folder, 'scripts/bootstrap.mjs'), 'urls'], { env: env() });
    let output = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output === 'up\n') resolve();
      });
    });
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(output).toBe('up\nin order\n');
  });

  test('installs packages that are missing, once', () => {
    command("console.log('ran');");
    npm(
      `echo "$@" >>${folder}/npm-calls; mkdir -p node_modules/.bin; ln -sf ${process.execPath} node_modules/.bin/node; echo '{}' >node_modules/.package-lock.json`,
    );
    expect(run('urls')).toMatchObject({ status: 0, stdout: 'ran\n' });
    expect(run('urls')).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
    expect(readFileSync(join(folder, 'npm-calls'), 'utf8')).toMatch(/^ci [^\n]*\n$/);
  });

  test('says clearly when they can’t be installed', () => {
    npm('echo "the registry is out of reach" >&2; exit 3');
    const { status, stderr } = run('urls');
    expect(status).toBe(3);
    expect(stderr).toContain('the registry is out of reach');
    expect(stderr).toContain('npm ci ended with 3');
  });

  test('never installs through a link, which would empty another project’s packages', () => {
    const other = join(folder, 'other');
    mkdirSync(join(other, '.bin'), { recursive: true });
    writeFileSync(join(other, 'precious'), '');
    symlinkSync(other, join(folder, 'node_modules'));
    npm('rm -rf node_modules/*');
    command("console.log('ran');");
    expect(run('urls')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('node_modules is a link'),
    });
    symlinkSync(process.execPath, join(other, '.bin/node'));
    expect(run('urls')).toMatchObject({ status: 0, stdout: 'ran\n' });
    expect(existsSync(join(other, 'precious'))).toBe(true);
  });

  test('sees that package-lock.json is newer than what is installed', () => {
    install();
    expect(packagesAreStale(folder)).toBe(false);
    const later = Date.now() / 1000 + 60;
    utimesSync(join(folder, 'package-lock.json'), later, later);
    expect(packagesAreStale(folder)).toBe(true);
  });
});
