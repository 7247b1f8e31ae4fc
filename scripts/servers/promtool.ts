import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { agreed, install, planPackages } from './packages.ts';
import type { Telling } from './servers.ts';

/** The distribution's package that has it. */
const PACKAGE = 'prometheus';
const FOLDERS = ['/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];

/** Where Prometheus' `promtool` is, which checks and tests alert rules; undefined if it is nowhere. */
export const findPromtool = (path = process.env.PATH ?? '', folders = FOLDERS): string | undefined =>
  [...path.split(delimiter).filter(Boolean), ...folders]
    .map((folder) => join(folder, 'promtool'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** The same. Throws a sentence that says what to install. */
export function requirePromtool(path?: string, folders?: string[]): string {
  const promtool = findPromtool(path, folders);
  if (promtool) return promtool;
  throw new Error(
    `promtool is missing: the alert rules can’t be checked. It comes with Prometheus: sudo apt-get install ${PACKAGE}`,
  );
}

/**
 * Installs promtool from the distribution if it is missing and can be had. Doesn't throw: whoever needs it says
 * what is missing ({@link requirePromtool}).
 */
export async function providePromtool({ tell, yes }: { tell: Telling; yes: boolean }): Promise<void> {
  if (findPromtool()) return;
  const plan = planPackages([PACKAGE]);
  if (!plan) return;
  const ask = `Install ${PACKAGE} from the distribution, for promtool? No service is started by it.`;
  if (!(await agreed(ask, yes))) return;
  tell.note(`Installing ${PACKAGE} from the distribution, for promtool; no service is started by it.`);
  const failure = await tell.step(`Package ${PACKAGE}`, () => install(plan)).catch(String);
  if (failure) tell.note(failure);
}
