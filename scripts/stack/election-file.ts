import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { electionIdSchema } from '@scrutin/shared/election.ts';
import { lawIdSchema } from '@scrutin/shared/law-id.ts';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectFolder, type StateFile } from '../servers/state.ts';

/** The sample that comes with the project. */
const SAMPLE = join(projectFolder, 'k8s', 'samples', 'election-demo.yaml');

/** What `npm start` itself needs of an Election; the reconciler checks all of it. */
const electionFileSchema = z.object({
  kind: z.literal('Election'),
  metadata: z.object({ name: electionIdSchema }),
  spec: z.object({
    laws: z.array(z.object({ id: lawIdSchema })).min(1),
    electorate: z.object({
      source: z.object({
        persistentVolumeClaim: z.object({ claimName: z.string(), path: z.string().optional() }).optional(),
      }),
    }),
  }),
});

export interface ElectionFile {
  path: string;
  id: string;
  laws: string[];
  /** Folder of the hash files below the volumes' folder, if the source is a volume. */
  electorate: string | undefined;
}

/** Reads an Election file. Throws with a sentence for people. */
export function readElectionFile(path: string): ElectionFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`the Election file can’t be read: ${(error as Error).message}`);
  }
  const parsed = electionFileSchema.safeParse(parse(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${path} is no Election: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { metadata, spec } = parsed.data;
  const volume = spec.electorate.source.persistentVolumeClaim;
  return {
    path,
    id: metadata.name,
    laws: spec.laws.map(({ id }) => id),
    electorate: volume && join(volume.claimName, volume.path ?? ''),
  };
}

/** The data folder's own copy of the sample Election, for a person to change. */
export function sampleElection(file: StateFile): ElectionFile {
  const path = file.path('election.yaml');
  if (!existsSync(path)) copyFileSync(SAMPLE, path);
  return readElectionFile(path);
}
