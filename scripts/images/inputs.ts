import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isForTests } from './targets.ts';

/** What the Dockerfile copies from the project, and itself. */
export const INPUTS = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'LICENSE',
  'services',
  'operator',
  'scripts/images',
] as const;

/** Files below the paths, without those that .dockerignore leaves out. */
function filesBelow(project: string, path: string): string[] {
  if (!statSync(join(project, path)).isDirectory()) return [path];
  return readdirSync(join(project, path), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules' && !isForTests(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name }) => filesBelow(project, `${path}/${name}`));
}

/** One digest of files (names and bytes) and of what else decides an image. */
export function inputsDigest(project: string, paths: readonly string[], others: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(others));
  for (const file of paths.flatMap((path) => filesBelow(project, path))) {
    const bytes = readFileSync(join(project, file));
    hash.update(`\n${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

export interface Source {
  /** The last commit that changed what goes into the images, or `unknown`. */
  revision: string;
  /** Its time, seconds. */
  epoch: number;
}

/** Where the images' contents come from; without git the same constants always, so that a build repeats all the same. */
export function source(project: string): Source {
  try {
    const [revision, epoch] = execFileSync('git', ['log', '-1', '--format=%H %ct', '--', ...INPUTS], {
      cwd: project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(' ');
    if (revision && epoch) return { revision, epoch: Number(epoch) };
  } catch {}
  return { revision: 'unknown', epoch: 0 };
}
