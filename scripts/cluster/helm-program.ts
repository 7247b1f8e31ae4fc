import { built } from '../go-tools/build.ts';
import { HELM } from '../go-tools/recipes.ts';
import type { Telling } from '../servers/servers.ts';
import { run } from './run-program.ts';

/** The helm of this machine, or else one that is built once. */
export async function helmProgram(tell: Telling): Promise<string> {
  const { code } = await run('helm', ['version', '--short']).catch(() => ({ code: 127 }));
  return code === 0 ? 'helm' : (await built(HELM, tell)).helm;
}
