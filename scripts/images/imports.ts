import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';

/** What a set of programs reaches by imports that exist at run time. */
export interface Reached {
  /** Source files, relative to the project, in the order they were found. */
  files: string[];
  /** npm packages that those files name. */
  packages: Set<string>;
  /** Files that are named and aren't there: `importer → import`. */
  missing: string[];
}

// `import type` and `export type` are erased; what else names a module is loaded.
const IMPORTS = [
  /^\s*(?:import|export)\s+(?!type\s)(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\)\.resolve\(\s*['"]([^'"]+)['"]/g,
];

/** The modules that a source names. */
export function importsOf(source: string): string[] {
  const code = source.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name!));
}

const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Follows the imports of `programs` (paths relative to `project`) as Node does, workspace packages included. */
export function reach(project: string, programs: readonly string[]): Reached {
  const reached: Reached = { files: [], packages: new Set(), missing: [] };
  const seen = new Set<string>();
  const waiting = [...programs].map((path) => ({ path, from: 'the Dockerfile' }));
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { path, from } = next;
    if (seen.has(path)) continue;
    seen.add(path);
    if (!existsSync(join(project, path))) {
      reached.missing.push(`${from} → ${path}`);
      continue;
    }
    reached.files.push(path);
    for (const specifier of importsOf(readFileSync(join(project, path), 'utf8'))) {
      if (isBuiltin(specifier)) continue;
      if (specifier.startsWith('.'))
        waiting.push({ path: normalize(join(dirname(path), specifier)), from: path });
      else if (specifier.startsWith('@scrutin/'))
        waiting.push({ path: workspaceFile(specifier), from: path });
      else reached.packages.add(packageName(specifier));
    }
  }
  return reached;
}

/** `@scrutin/shared/log.ts` → `services/shared/src/log.ts`, as the packages' `exports` say. */
function workspaceFile(specifier: string): string {
  const [, name, ...rest] = specifier.split('/');
  const folder = name === 'operator' ? 'operator' : `services/${name}`;
  return join(folder, 'src', ...rest);
}
