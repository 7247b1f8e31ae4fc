import { execFile, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.ts';
import type { Telling } from '../servers/servers.ts';
import type { Recipe } from './recipes.ts';
import { LEAST_GO } from './versions.ts';

const exec = promisify(execFile);

/** Paths of a recipe's programs. */
export type Programs<R extends Recipe> = Record<keyof R['programs'], string>;

/**
 * The programs of a recipe, built if the cache lacks them; nothing is asked of the network if it doesn't.
 * Rejects with one sentence if Go is missing, and with the end of what Go said if a build fails.
 */
export async function built<R extends Recipe>(recipe: R, tell: Telling): Promise<Programs<R>> {
  const folder = recipeFolder(recipe);
  const names = Object.keys(recipe.programs);
  const lacking = names.filter((name) => !existsSync(join(folder, name)));
  if (lacking.length > 0) {
    await requireGo();
    mkdirSync(folder, { recursive: true });
    await inToolsModule(recipe, async (work) => {
      for (const name of lacking)
        await tell.step(`Building ${name}`, async (detail) => {
          const target = join(work, `${name}.program`);
          const flags = ['-trimpath', '-ldflags', `-s -w ${recipe.ldflags ?? ''}`.trim()];
          await go(work, 'build', ...flags, '-o', target, recipe.programs[name]!);
          moveAcross(target, join(folder, name));
          detail(`${recipeName(recipe)} ${recipe.version}, kept in the cache`);
        });
    });
  }
  return Object.fromEntries(names.map((name) => [name, join(folder, name)])) as Programs<R>;
}

/** A file made from what a recipe builds or names, kept in the cache beside its programs; `make` writes it to `path`. */
export async function kept(
  recipe: Recipe,
  file: string,
  make: (path: string) => Promise<void>,
): Promise<string> {
  const path = join(recipeFolder(recipe), file);
  if (existsSync(path)) return path;
  mkdirSync(recipeFolder(recipe), { recursive: true });
  const next = `${path}.${process.pid}.next`;
  try {
    await make(next);
    renameSync(next, path);
  } finally {
    rmSync(next, { force: true });
  }
  return path;
}

/**
 * A file made from a module's sources (its manifests), kept in the cache beside the module's programs. `make` gets
 * the folder of the sources and resolves with the file's text.
 */
export const fromSources = (
  recipe: Recipe & { module: string },
  file: string,
  make: (sources: string) => Promise<string>,
): Promise<string> =>
  kept(recipe, file, async (path) => {
    await requireGo();
    const { Dir } = await download(recipe.module, recipe.version, tmpdir());
    writeFileSync(path, await make(Dir));
  });

const recipeName = (recipe: Recipe): string =>
  recipe.module ?? `scrutin/${Object.keys(recipe.programs).join('-')}`;
const recipeFolder = (recipe: Recipe): string =>
  join(cacheFolder('go'), `${recipeName(recipe).replaceAll('/', '_')}@${recipe.version}`);

/** Runs `work` in a module of its own that requires the recipe's; `go install` refuses modules with replace lines. */
async function inToolsModule(recipe: Recipe, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'scrutin-go-'));
  try {
    writeFileSync(join(folder, 'go.mod'), await toolsModule(recipe, folder));
    if (recipe.main) copyFileSync(recipe.main, join(folder, basename(recipe.main)));
    else {
      const imports = Object.values(recipe.programs).map((path) => `import _ "${path}"\n`);
      writeFileSync(join(folder, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports.join('')}`);
    }
    await go(folder, 'mod', 'tidy');
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function toolsModule({ module, version, versions }: Recipe, work: string): Promise<string> {
  if (!module) return `module scrutin/tools\ngo ${LEAST_GO.join('.')}\n`;
  const { GoMod } = await download(module, version, work);
  const goMod = readFileSync(GoMod, 'utf8');
  const lines = [
    'module scrutin/tools',
    `go ${/^go (\S+)$/m.exec(goMod)?.[1] ?? LEAST_GO.join('.')}`,
    `require ${module} ${version}`,
    ...(await publishedReplaces(GoMod)),
  ];
  if (versions)
    for (const [, name, used] of goMod.matchAll(/^\s*(\S+) (v\S+)$/gm))
      if (used === versions.from) lines.push(`replace ${name} => ${name} ${versions.to}`);
  return `${lines.join('\n')}\n`;
}

interface Replacement {
  Old: { Path: string; Version?: string };
  New: { Path: string; Version?: string };
}

/** The replace lines of a go.mod that hold outside of its own folder too: Go heeds only those of the main module. */
async function publishedReplaces(goMod: string): Promise<string[]> {
  const { stdout } = await exec('go', ['mod', 'edit', '-json', goMod]);
  const { Replace } = JSON.parse(stdout) as { Replace: Replacement[] | null };
  const written = ({ Path, Version }: Replacement['Old']) => (Version ? `${Path} ${Version}` : Path);
  return (Replace ?? [])
    .filter(({ New }) => New.Version !== undefined)
    .map(({ Old, New }) => `replace ${written(Old)} => ${written(New)}`);
}

async function download(
  module: string,
  version: string,
  cwd: string,
): Promise<{ GoMod: string; Dir: string }> {
  const { stdout } = await exec('go', ['mod', 'download', '-json', `${module}@${version}`], {
    cwd,
    env: { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
  });
  return JSON.parse(stdout) as { GoMod: string; Dir: string };
}

async function requireGo(): Promise<void> {
  const wanted = `Go ${LEAST_GO.join('.')} or later is needed to build this`;
  const version = await exec('go', ['env', 'GOVERSION']).catch(() => {
    throw new Error(`${wanted}; there is no "go" on the PATH`);
  });
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version.stdout) ?? [];
  if (Number(major) < LEAST_GO[0] || (Number(major) === LEAST_GO[0] && Number(minor) < LEAST_GO[1]))
    throw new Error(`${wanted}; this is ${version.stdout.trim()}`);
}

/** Runs Go in the tools module; rejects with the end of what it said. */
function go(cwd: string, ...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd,
      // Static, so that the program runs in any image too; no toolchain is downloaded behind our back.
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`go ${args[0]} failed:\n${said.trimEnd()}`)),
    );
  });
}

/** Moves a program into the cache in one step, so that a run that was cut off leaves no half program behind. */
function moveAcross(from: string, to: string): void {
  // The temporary folder may lie on another file system: copy beside the target, then rename.
  const next = `${to}.${process.pid}.next`;
  writeFileSync(next, readFileSync(from), { mode: 0o755 });
  renameSync(next, to);
  rmSync(from);
}
