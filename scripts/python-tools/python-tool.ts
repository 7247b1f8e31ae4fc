import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import { must } from '../cluster/run-program.ts';
import type { Telling } from '../servers/servers.ts';

/**
 * Path of a program that a package of the Python package index brings, in an environment of its own in the cache, by
 * version. Rejects with a sentence if Python 3 with venv is missing, or the package can't be fetched.
 */
export async function pythonTool(
  tool: { package: string; version: string; program: string },
  tell: Telling,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const folder = join(cacheFolder('python', env), `${tool.package}-${tool.version}`);
  const program = join(folder, 'bin', tool.program);
  if (existsSync(join(folder, 'complete'))) return program;
  await tell.step(`${tool.package} ${tool.version}`, async (detail) => {
    // An environment's programs name its own folder, so it can't be made elsewhere and moved here.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(folder), { recursive: true });
    await must('python3', ['-m', 'venv', folder]).catch((error: Error) => {
      throw new Error(`Python 3 with venv is needed (Debian: python3-venv):\n${error.message}`);
    });
    const pip = join(folder, 'bin', 'pip');
    const quiet = ['--quiet', '--disable-pip-version-check'];
    await must(pip, ['install', ...quiet, `${tool.package}==${tool.version}`]).catch((error: Error) => {
      throw new Error(
        `${tool.package} could not be fetched from the Python package index:\n${error.message}`,
      );
    });
    mkdirSync(join(folder, 'complete.next'), { recursive: true });
    renameSync(join(folder, 'complete.next'), join(folder, 'complete'));
    detail('from the Python package index, kept in the cache');
  });
  return program;
}
