import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { CRD_FILE, crdText } from './crd-file.ts';
import { electionCrd } from './election-crd.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

const root = electionCrd().spec.versions[0]!.schema.openAPIV3Schema;

/** Path and schema of everything that spec and status hold, at any depth. */
function* fields(schema: StructuralSchema, path: string): Generator<[string, StructuralSchema]> {
  yield [path, schema];
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    yield* fields(inner, `${path}.${name}`);
  if (schema.items) yield* fields(schema.items, `${path}[]`);
}
const all = [...fields(root.properties!.spec!, 'spec'), ...fields(root.properties!.status!, 'status')];

test('the CustomResourceDefinition that is installed is the one that the schemas make', () => {
  expect(readFileSync(CRD_FILE, 'utf8')).toBe(crdText());
});

test('kubectl explain has a sentence about every field', () => {
  const silent = all.filter(([path, { description }]) => !path.endsWith('[]') && !description);
  expect(silent.map(([path]) => path)).toEqual([]);
  const unfinished = all.filter(([, { description }]) => description && !/^[A-Z].*[.]$/s.test(description));
  expect(unfinished.map(([path]) => path)).toEqual([]);
});

test('every text and list has a greatest length, so that the API server can reckon what a rule costs', () => {
  const unbounded = all.filter(
    ([, { type, enum: choices, format, maxLength, maxItems }]) =>
      (type === 'string' && !choices && format !== 'date-time' && maxLength === undefined) ||
      (type === 'array' && maxItems === undefined),
  );
  expect(unbounded.map(([path]) => path)).toEqual([]);
});

test('defaults are the ones that an Election file gets', () => {
  const defaults = all.filter(([, schema]) => schema.default !== undefined);
  expect(Object.fromEntries(defaults.map(([path, schema]) => [path, schema.default]))).toEqual({
    'spec.connectionSecretName': 'scrutin-connections',
    'spec.electorate.batchSize': 10_000,
    'spec.electorate.shards': 1,
    'spec.electorate.source.persistentVolumeClaim.path': '.',
    'spec.electorate.source.s3.prefix': '',
    'spec.electorate.source.s3.region': 'us-east-1',
    'spec.luhn': false,
    'spec.pepperSecretName': 'scrutin-pepper',
    'spec.reclaimPolicy': 'Retain',
    'spec.recordClients': false,
    'spec.results': 'afterClose',
    'spec.revote': 'first',
    'spec.suspend': false,
  });
});

test('what a structural schema can’t say is refused with its path, rather than left out', () => {
  const either = z.object({ a: z.object({ b: z.union([z.string(), z.int()]) }) });
  expect(() => structuralSchema(either, 'input')).toThrow('a.b has anyOf, which is not structural');
});
