import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitorsDown } from '../monitoring/processes.ts';
import { endProcess } from './process-identity.ts';
import { serversDown } from './servers.ts';
import { StateFile } from './state.ts';

/** Milliseconds that a process which a crash has left gets to finish what it holds. */
const LEFT_PROCESS_LIMIT_MS = 20_000;

/** Ends the stages that a killed run of this folder has left. Resolves with their names. */
export async function endLeftStages(file: StateFile): Promise<string[]> {
  const stages = Object.keys(file.state.processes).filter((name) => name.startsWith('stage:'));
  const left = stages.filter((name) => file.running(name));
  await Promise.all(
    left.map(async (name) => {
      const identity = file.running(name);
      if (identity) await endProcess(identity, LEFT_PROCESS_LIMIT_MS);
    }),
  );
  for (const name of stages) file.setProcess(name, undefined);
  return left.map((name) => name.slice('stage:'.length));
}

/**
 * Throws all of a data folder away, what runs from it first. `keep` names what stays: by default the lock,
 * which its owner releases, the folders of the
 * tests, and the local cluster's, which has its own `down`. Does nothing if there is no such folder.
 */
export async function forget(
  folder: string,
  keep: readonly string[] = [
    'lock.json',
    'test',
    'test-operator',
    'test-faults',
    'test-replicated',
    'test-cluster',
    'cluster',
  ],
): Promise<void> {
  if (!existsSync(folder)) return;
  let elsewhere: string | undefined;
  try {
    if (StateFile.read(folder)) {
      const file = StateFile.open(folder);
      await endLeftStages(file);
      await monitorsDown(file);
      await serversDown(file);
      elsewhere = file.state.postgresFolder;
    }
  } catch {
    // A state that can't be read is one of the reasons to be here.
  }
  for (const name of readdirSync(folder))
    if (!keep.includes(name)) rmSync(join(folder, name), { recursive: true, force: true });
  if (elsewhere?.startsWith('/var/tmp/scrutin-')) rmSync(elsewhere, { recursive: true, force: true });
}
