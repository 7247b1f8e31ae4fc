import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Telling } from '../servers/servers.ts';
import { LEAST_GO, VERSIONS } from './versions.ts';

const exec = promisify(execFile);

export interface KubeBinaries {
  apiserver: string;
  kubectl: string;
  etcd: string;
}

interface Recipe {
  /** Go module and its version, as the proxy knows them. */
  module: string;
  version: string;
  /** Program → main package. */
  programs: Record<string, string>;
  ldflags: string;
  /** Lines of the tools module's go.mod that the module's own go.mod makes necessary. */
  replaces: (goMod: string) => string[];
}

const KUBERNETES: Recipe = {
  module: 'k8s.io/kubernetes',
  version: `v${VERSIONS.kubernetes}`,
  programs: {
    'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
    kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  },
  ldflags: `-s -w -X k8s.io/component-base/version.gitVersion=v${VERSIONS.kubernetes}`,
  // Its staging modules stand there as v0.0.0; they are published as v0.<minor>.<patch>.
  replaces: (goMod) =>
    [...goMod.matchAll(/^\s*(k8s\.io\/\S+) v0\.0\.0$/gm)].map(
      ([, name]) => `replace ${name} => ${name} ${VERSIONS.kubernetes.replace(/^1/, 'v0')}`,
    ),
};

const ETCD: Recipe = {
  module: 'go.etcd.io/etcd/server/v3',
  version: `v${VERSIONS.etcd}`,
  programs: { etcd: 'go.etcd.io/etcd/server/v3' },
  ldflags: '-s -w',
  replaces: () => [],
};

/** Where finished programs are kept: outside the work tree, by version. */
const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'scrutin', 'kube-api');

/**
 * The programs of the Kubernetes tests. Builds what the cache lacks: about five minutes on two cores for all,
 * nothing the second time. Throws with one sentence if Go is missing or a build fails.
 */
export async function kubeBinaries(tell: Telling): Promise<KubeBinaries> {
  const kubernetes = await built(KUBERNETES, tell);
  const etcd = await built(ETCD, tell);
  return {
    apiserver: join(kubernetes, 'kube-apiserver'),
    kubectl: join(kubernetes, 'kubectl'),
    etcd: join(etcd, 'etcd'),
  };
}

/** The folder that holds the recipe's programs. */
async function built(recipe: Recipe, tell: Telling): Promise<string> {
  const { module, version, programs } = recipe;
  const folder = join(cacheFolder(), `${module.replaceAll('/', '_')}@${version}`);
  const lacking = Object.keys(programs).filter((name) => !existsSync(join(folder, name)));
  if (lacking.length === 0) return folder;
  await requireGo();
  const work = mkdtempSync(join(tmpdir(), 'scrutin-go-'));
  try {
    await tell.step(`${module} ${version}`, async (detail) => {
      await writeToolsModule(recipe, work);
      await go(work, 'mod', 'tidy');
      mkdirSync(folder, { recursive: true });
      for (const name of lacking) {
        await go(
          work,
          'build',
          '-trimpath',
          '-ldflags',
          recipe.ldflags,
          '-o',
          join(work, name),
          programs[name]!,
        );
        // In one step, so that a build that was cut off leaves no half program behind.
        renameAcross(join(work, name), join(folder, name));
      }
      detail(`built ${lacking.join(', ')} into the cache`);
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

async function writeToolsModule(
  { module, version, programs, replaces }: Recipe,
  work: string,
): Promise<void> {
  const { stdout } = await exec('go', ['mod', 'download', '-json', `${module}@${version}`], { cwd: work });
  const { GoMod } = JSON.parse(stdout) as { GoMod: string };
  const goMod = readFileSync(GoMod, 'utf8');
  const goVersion = /^go (\S+)$/m.exec(goMod)?.[1] ?? LEAST_GO.join('.');
  writeFileSync(
    join(work, 'go.mod'),
    [`module scrutin/tools`, `go ${goVersion}`, `require ${module} ${version}`, ...replaces(goMod), ''].join(
      '\n',
    ),
  );
  const imports = Object.values(programs).map((path) => `import _ "${path}"\n`);
  writeFileSync(join(work, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports.join('')}`);
}

async function requireGo(): Promise<void> {
  const wanted = `Go ${LEAST_GO.join('.')} or later is needed to build the Kubernetes API server for these tests`;
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

function renameAcross(from: string, to: string): void {
  // The temporary folder may lie on another file system: copy beside the target, then rename.
  const next = `${to}.next`;
  writeFileSync(next, readFileSync(from), { mode: 0o755 });
  renameSync(next, to);
}
