import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.ts';

const exec = promisify(execFile);

export const SUITES = ['trixie', 'bookworm'] as const;
export type Suite = (typeof SUITES)[number];

/**
 * A tar file with the smallest tree of a Debian suite, made by debootstrap from the mirror that this machine's
 * apt uses; kept in the cache folder. Needs root.
 */
export async function distributionTar(suite: Suite): Promise<string> {
  const folder = cacheFolder('images');
  const tar = join(folder, `${suite}.tar`);
  if (existsSync(tar)) return tar;
  if (process.getuid?.() !== 0)
    throw new Error(
      'debootstrap needs root to make a base image; run this with sudo, or give one with --base',
    );
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, 'debootstrap-'));
  try {
    const mirror = await debianMirror();
    await exec('debootstrap', ['--variant=minbase', suite, join(work, 'tree'), mirror], {
      maxBuffer: 64 << 20,
    }).catch((error: { stdout?: string; message: string }) => {
      throw new Error(
        `debootstrap ${suite} failed: ${error.stdout?.trim().split('\n').slice(-3).join('\n') || error.message}`,
      );
    });
    const idle = [
      './var/cache/apt',
      './var/lib/apt/lists',
      './var/log',
      './usr/share/doc',
      './usr/share/man',
      './dev',
    ];
    await exec('tar', [
      ...['--create', '--file', `${tar}.next`, '--directory', join(work, 'tree'), '--sort=name'],
      ...['--numeric-owner', ...idle.map((path) => `--exclude=${path}/*`), '.'],
    ]);
    renameSync(`${tar}.next`, tar);
    return tar;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The mirror of this machine's own packages. */
async function debianMirror(): Promise<string> {
  const { stdout } = await exec('apt-get', [
    ...['indextargets', '--format', '$(SITE) $(REPO_URI)'],
    ...['Created-By: Packages', 'Origin: Debian', 'Label: Debian'],
  ]);
  const uri = stdout.split('\n')[0]?.split(' ')[1];
  if (!uri)
    throw new Error('apt names no Debian mirror here (run apt-get update); give a base image with --base');
  return uri;
}

/** npm's folder, beside the npm that runs on this machine. */
export async function npmFolder(): Promise<string> {
  const { stdout } = await exec('sh', ['-c', 'readlink -f "$(command -v npm)"']);
  const folder = dirname(dirname(stdout.trim()));
  if (!readFileSync(join(folder, 'package.json'), 'utf8').includes('"name": "npm"'))
    throw new Error(`npm’s folder is not where it is looked for: ${folder}`);
  return folder;
}
