import { electionCrd } from '@scrutin/operator/kubernetes/election-crd.ts';
import type { JsonSchema } from './json-schema.ts';

/** Given by the chart, which knows the Secrets' names. */
const GIVEN = ['connectionSecretName', 'pepperSecretName'];

/** The `spec` of an Election as the chart takes it: what the custom resource's own schema says, or nothing. */
export function electionSpecSchema(): JsonSchema {
  const crd = electionCrd() as unknown as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: JsonSchema } } } }[] };
  };
  const spec = closed(crd.spec.versions[0]!.schema.openAPIV3Schema.properties.spec);
  const properties = Object.fromEntries(
    Object.entries(spec.properties ?? {}).filter(([name]) => !GIVEN.includes(name)),
  );
  return {
    anyOf: [
      { type: 'object', maxProperties: 0 },
      { ...spec, properties },
    ],
  };
}

/** Without what only Kubernetes knows, and closed, so that a misspelt member is told. */
function closed(schema: JsonSchema): JsonSchema {
  const kept: JsonSchema = {};
  for (const [name, value] of Object.entries(schema))
    if (!name.startsWith('x-kubernetes-') && name !== 'format') kept[name] = value;
  if (schema.items) kept.items = closed(schema.items);
  if (!schema.properties) return kept;
  kept.properties = Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [name, closed(property)]),
  );
  kept.additionalProperties = false;
  return kept;
}
