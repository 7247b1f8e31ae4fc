import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what was built or fetched is kept, by kind: outside the work tree, so that another checkout finds it, too. */
export const cacheFolder = (
  kind: 'go' | 'images' | 'k6' | 'python',
  env: NodeJS.ProcessEnv = process.env,
): string => join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'scrutin', kind);
