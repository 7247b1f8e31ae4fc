import { stringify } from 'yaml';
import { electionCrd } from './election-crd.ts';

/** Where the CustomResourceDefinition lies for those who install it. */
export const CRD_FILE = new URL('../../crd/elections.scrutin.dev.yaml', import.meta.url);

const HEADER =
  '# Made from the schemas of the Election by operator/src/kubernetes/write-crd.ts, and a test keeps it so.\n';

/** The CustomResourceDefinition as YAML. */
export const crdText = (): string =>
  HEADER + stringify(electionCrd(), { lineWidth: 110, aliasDuplicateObjects: false });
