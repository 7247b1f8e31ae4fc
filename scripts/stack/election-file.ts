import { copyFileSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readElectionFile as readElection } from '@scrutin/operator/read-election.ts';
import { projectFolder, type StateFile } from '../servers/state.ts';

/** The sample that comes with the project. */
const SAMPLE = join(projectFolder, 'k8s', 'samples', 'election-demo.yaml');

export interface ElectionFile {
  path: string;
  id: string;
  laws: string[];
  /** Folder of the hash files below the volumes' folder, if the source is a volume. */
  electorate: string | undefined;
}

/** Reads an Election file, checked as the reconciler does. Throws with a sentence for people. */
export async function readElectionFile(path: string): Promise<ElectionFile> {
  const { metadata, spec } = await readElection(path);
  const { source } = spec.electorate;
  const volume = 'persistentVolumeClaim' in source ? source.persistentVolumeClaim : undefined;
  return {
    path: resolve(path),
    id: metadata.name,
    laws: spec.laws.map(({ id }) => id),
    electorate: volume && join(volume.claimName, volume.path ?? ''),
  };
}

/** The data folder's own copy of the sample Election, for a person to change. */
export function sampleElection(file: StateFile): Promise<ElectionFile> {
  const path = file.path('election.yaml');
  if (!existsSync(path)) copyFileSync(SAMPLE, path);
  return readElectionFile(path);
}
