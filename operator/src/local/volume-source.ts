import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Election } from '../election-resource.ts';
import { filesSource, type HashSource } from '../electorate/hash-source.ts';
import { ELECTORATE_SOURCE_KINDS } from '../electorate-source-schema.ts';
import { StepError } from '../reconcile/conditions.ts';

/**
 * The electorate's source on one machine: a persistentVolumeClaim is the folder of that name in `volumes`.
 * Throws {@link StepError} that says what to do.
 */
export function volumeSource(election: Election, volumes: string): HashSource {
  const { source } = election.spec.electorate;
  const claim = source.persistentVolumeClaim;
  if (!claim) {
    const kind = ELECTORATE_SOURCE_KINDS.find((name) => source[name] !== undefined);
    throw new StepError(
      'SourceNotServed',
      `spec.electorate.source.${kind} needs a cluster; on one machine use persistentVolumeClaim, which is a folder of that name in ${volumes}`,
      { lasting: true },
    );
  }
  const path = join(volumes, claim.claimName, claim.path);
  if (!existsSync(path))
    throw new StepError(
      'SourceMissing',
      `${path} is not there; put the hash files there (npm run generate-hashes makes some)`,
      { lasting: true },
    );
  return filesSource(path);
}
