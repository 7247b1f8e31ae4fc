import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Checks, say, succeeded } from './checks.ts';
import { installations, nameOf } from './rendered.ts';

export interface Conforming {
  kubeconform: string;
  helm: string;
  kubectl: string;
  /** With KUBECONFIG, of an API server that knows all resources that are used. */
  env: Record<string, string>;
  project: string;
  /** Where the schemas are written; the caller removes it. */
  folder: string;
}

type Schema = Record<string, unknown>;
interface OpenApi {
  components?: { schemas?: Record<string, Schema> };
}
interface Kind {
  group: string;
  version: string;
  kind: string;
}

/**
 * Has kubeconform check what the charts render for every sample values file, and the manifests in `k8s`. Its own schemas are
 * downloaded, these are the API server's.
 */
export async function checkConforming(checks: Checks, on: Conforming): Promise<void> {
  await writeSchemas(on);
  const location = join(on.folder, '{{.Group}}', '{{.ResourceKind}}_{{.ResourceAPIVersion}}.json');
  const conforms = async (args: string[], input = '') => {
    const flags = ['-strict', '-summary', '-schema-location', location];
    succeeded(await say(on.kubeconform, [...flags, ...args], { input }));
  };
  for (const installation of installations(on.project))
    await checks.check(`kubeconform: ${nameOf(installation)}`, async () => {
      const { chart, values, release, namespace } = installation;
      const args = [
        'template',
        release,
        join(on.project, 'charts', chart),
        '--namespace',
        namespace,
        ...values,
      ];
      await conforms(['-'], succeeded(await say(on.helm, args)));
    });
  // Configurations of other programs, and values of charts.
  for (const file of globSync('k8s/{,samples/,production/}*.yaml', { cwd: on.project }).sort())
    if (!/(values|kind|k3d)\.yaml$/.test(file))
      await checks.check(`kubeconform: ${file}`, () => conforms([join(on.project, file)]));
}

/** Writes a schema for each kind that the API server knows, by its OpenAPI v3 documents. */
async function writeSchemas({ kubectl, env, folder }: Conforming): Promise<void> {
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse(succeeded(await say(kubectl, ['get', '--raw', path], { env }))) as T;
  const { paths } = await get<{ paths: Record<string, unknown> }>('/openapi/v3');
  for (const path of Object.keys(paths)) {
    if (!/^(api|apis\/[^/]+)\/[^/]+$/.test(path)) continue;
    const { components } = await get<OpenApi>(`/openapi/v3/${path}`);
    const schemas = components?.schemas ?? {};
    const definitions = Object.fromEntries(
      Object.entries(schemas).map(([name, schema]) => [name, closed(schema) as Schema]),
    );
    for (const [name, schema] of Object.entries(schemas))
      for (const { group, version, kind } of (schema['x-kubernetes-group-version-kind'] ?? []) as Kind[]) {
        // The core group has no name; kubeconform looks for its kinds by the version.
        const file = join(folder, group || version, `${kind.toLowerCase()}_${version}.json`);
        if (!path.endsWith(`/${version}`)) continue;
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(
          file,
          JSON.stringify({ $ref: `#/components/schemas/${name}`, components: { schemas: definitions } }),
        );
      }
  }
}

/** The schema with nothing allowed that it doesn't name: JSON Schema lets everything else pass. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)]),
  ) as Schema;
  const isObject = typeof rest.properties === 'object' && !Array.isArray(rest.properties);
  const open = rest['x-kubernetes-preserve-unknown-fields'] || 'additionalProperties' in rest;
  const whole = isObject && !open ? { ...rest, additionalProperties: false } : rest;
  return nullable === true ? { anyOf: [whole, { type: 'null' }] } : whole;
}
