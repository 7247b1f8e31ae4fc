import { endProcess } from '../servers/process-identity.ts';
import type { StateFile } from '../servers/state.ts';
import { MONITORS, type Monitor } from './programs.ts';

/** Prometheus writes what it has in memory to its disk first. Milliseconds. */
const STOP_LIMIT_MS = 10_000;

/** Ends what watches the pipeline and runs from this folder. What was recorded stays. */
export async function monitorsDown(file: StateFile, names: readonly Monitor[] = MONITORS): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const identity = file.running(name);
      if (identity) await endProcess(identity, STOP_LIMIT_MS);
      if (file.state.processes[name]) file.setProcess(name, undefined);
    }),
  );
}
