import { privateServers, serversDown, serversUp } from '../servers/servers.ts';
import { lockFolder } from '../servers/state.ts';
import { Steps } from './steps.ts';
import type { Target } from './target.ts';

/** Runs `work` while the target's servers are up; those that nobody runs are started for it and stopped again. */
export async function withServers<T>(target: Target, work: () => Promise<T>): Promise<T> {
  const { file, running, folder } = target;
  if (running || !file || privateServers().length === 0) return work();
  const release = lockFolder(folder);
  if (typeof release === 'number') return work();
  try {
    await serversUp(file, { tell: new Steps(process.stderr), yes: false });
    return await work();
  } finally {
    await serversDown(file);
    release();
  }
}
