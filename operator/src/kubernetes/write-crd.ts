/** Writes the CustomResourceDefinition that {@link electionCrd} makes: `node operator/src/kubernetes/write-crd.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CRD_FILE, crdText } from './crd-file.ts';

const path = fileURLToPath(CRD_FILE);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, crdText());
process.stdout.write(`${path} is written\n`);
