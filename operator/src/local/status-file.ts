import { readFile, rename, writeFile } from 'node:fs/promises';
import { type ElectionStatus, electionStatusSchema } from '../election-resource.ts';

/** The status of an earlier run, or undefined if there is none that can be read. */
export async function readStatus(path: string | undefined): Promise<ElectionStatus | undefined> {
  if (path === undefined) return undefined;
  try {
    return electionStatusSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Absent or damaged: the reconciler finds everything out anew.
    return undefined;
  }
}

/** Writes the status in one step, so that a reader never sees half of it. */
export async function writeStatus(path: string | undefined, status: ElectionStatus): Promise<void> {
  if (path === undefined) return;
  const next = `${path}.next`;
  await writeFile(next, `${JSON.stringify(status, null, 2)}\n`);
  await rename(next, path);
}
