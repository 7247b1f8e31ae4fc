import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLeftOut } from './targets.ts';

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/**
 * Folders under `project/node_modules` (relative to the project) of the packages named and of all that they
 * depend on, found as Node finds them. Throws for a package that is needed and not installed.
 */
export function packageClosure(project: string, names: Iterable<string>): string[] {
  const folders = new Set<string>();
  const add = (name: string, from: string, needed: boolean): void => {
    if (isLeftOut(name)) return;
    const folder = findPackage(project, name, from);
    if (!folder) {
      if (needed)
        throw new Error(`${from || 'the project'} needs the package ${name}, which is not installed`);
      return;
    }
    if (folders.has(folder)) return;
    folders.add(folder);
    const manifest = JSON.parse(readFileSync(join(project, folder, 'package.json'), 'utf8')) as Manifest;
    for (const dependency of Object.keys(manifest.dependencies ?? {}))
      add(dependency, folder, !manifest.optionalDependencies?.[dependency]);
    for (const dependency of Object.keys(manifest.optionalDependencies ?? {})) add(dependency, folder, false);
    for (const peer of Object.keys(manifest.peerDependencies ?? {}))
      if (!manifest.peerDependenciesMeta?.[peer]?.optional) add(peer, folder, false);
  };
  for (const name of names) add(name, '', true);
  return [...folders].sort();
}

function findPackage(project: string, name: string, from: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(project, folder, 'package.json'))) return folder;
    if (at === '') return undefined;
  }
}
