import type { Settings } from '@scrutin/shared/config.ts';
import { electionSpecSchema } from './election-spec-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { settingsSchema } from './settings-schema.ts';
import type { ChartValue } from './values-file.ts';

/** Values that are a process's settings: path → its table. */
export type SettingsPaths = Readonly<Record<string, Settings>>;

const DNS_NAME = '^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$';
const secretName: JsonSchema = { type: 'string', pattern: DNS_NAME };
const port: JsonSchema = { type: 'array', items: { type: 'integer', minimum: 1, maximum: 65_535 } };
const names: JsonSchema = { type: 'array', items: { type: 'string', pattern: DNS_NAME } };
const objects: JsonSchema = { type: 'array', items: { type: 'object' } };
const texts: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
const user: JsonSchema = { type: ['integer', 'null'], minimum: 1 };
const atLeast = (minimum: number): JsonSchema => ({ type: 'integer', minimum });
const optional = (pattern: string): JsonSchema => ({ type: 'string', pattern: `^$|${pattern}` });

/** What a value must be beside its kind, by the end of its path; the first that fits. */
const STRICTER: readonly (readonly [string, JsonSchema])[] = [
  ['election.name', optional('^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$')],
  ['secretName', secretName],
  ['operator.namespace', secretName],
  ['operator.serviceAccountName', secretName],
  ['kedaNamespace', secretName],
  ['monitoringNamespaces', names],
  ['operator.secrets', names],
  ['operator.configMaps', names],
  ['imagePullSecrets', names],
  ['pullPolicy', { enum: ['Always', 'IfNotPresent', 'Never'] }],
  ['image.digest', optional('^sha256:[0-9a-f]{64}$')],
  ['monitoring.kind', { enum: ['annotations', 'PodMonitor', 'ServiceMonitor', 'none'] }],
  ['monitoring.interval', { type: 'string', pattern: '^[0-9]+(ms|s|m)$' }],
  ['service.type', { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] }],
  ['connections.redisUrl', optional('^rediss?://')],
  ['connections.redisClusterNodes', optional('^[^\\s,:]+:\\d+(,[^\\s,:]+:\\d+)*$')],
  ['connections.rabbitmqUrl', optional('^amqps?://')],
  ['connections.rabbitmqManagementUrl', optional('^https?://')],
  ['connections.databaseUrl', optional('^postgres(ql)?://')],
  ['keda.minReplicas', atLeast(0)],
  ['keda.fallback.replicas', atLeast(0)],
  ['scaleDown.stabilizationSeconds', { type: 'integer', minimum: 0, maximum: 3_600 }],
  ['scaleDown.periodSeconds', { type: 'integer', minimum: 1, maximum: 1_800 }],
  ['cpuUtilization', { type: 'integer', minimum: 1, maximum: 100 }],
  ['cooldownPeriod', atLeast(0)],
  ['stages.ingestion.replicas', atLeast(0)],
  ['stages.validation.replicas', atLeast(0)],
  ['redisPorts', port],
  ['rabbitmqPorts', port],
  ['postgresqlPorts', port],
  ['tolerations', objects],
  ['topologySpreadConstraints', objects],
  ['httpRoute.parentRefs', objects],
  ['networkPolicy.publicFrom', objects],
  ['networkPolicy.dns', objects],
  ['networkPolicy.electorateEgress', objects],
  ['external.redis', objects],
  ['external.rabbitmq', objects],
  ['external.postgresql', objects],
  ['external.collector', objects],
  ['podSecurity.runAsUser', user],
  ['podSecurity.runAsGroup', user],
  ['ingress.ingestion.path', { type: 'string', pattern: '^/' }],
  ['ingress.results.path', { type: 'string', pattern: '^/' }],
  ['persistence.size', { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(Mi|Gi|Ti|M|G|T)$' }],
  ['nodeSelector', texts],
  ['commonLabels', texts],
  ['podAnnotations', texts],
  ['annotations', texts],
  ['monitoring.labels', texts],
  ['alerts.thresholds', { type: 'object', additionalProperties: { type: 'number' } }],
  [
    'resources',
    {
      type: 'object',
      properties: { requests: { type: 'object' }, limits: { type: 'object' }, claims: { type: 'array' } },
      additionalProperties: false,
    },
  ],
];

/** The JSON Schema of a chart's values. Each process's settings come from the very table that the process reads. */
export function valuesSchema(
  title: string,
  values: readonly ChartValue[],
  settings: SettingsPaths,
): JsonSchema {
  const root: JsonSchema = closedObject();
  for (const value of values) {
    const parent = value.path.slice(0, -1).reduce<JsonSchema>((schema, name) => {
      schema.properties ??= {};
      schema.properties[name] ??= closedObject();
      return schema.properties[name];
    }, root);
    parent.properties ??= {};
    parent.properties[value.path.at(-1)!] = {
      description: plain(value.description),
      ...schemaOf(value, settings),
    };
  }
  // Helm itself passes it on.
  root.properties = { ...root.properties, global: { type: 'object' } };
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...root };
}

const closedObject = (): JsonSchema => ({ type: 'object', properties: {}, additionalProperties: false });

/** Without the marks of Markdown. */
const plain = (text: string): string => text.replaceAll('`', '');

function schemaOf({ path, initial }: ChartValue, settings: SettingsPaths): JsonSchema {
  const name = path.join('.');
  const table = settings[name];
  if (table) return settingsSchema(table);
  if (name === 'election.spec') return electionSpecSchema();
  const stricter = STRICTER.find(([end]) => name === end || name.endsWith(`.${end}`))?.[1];
  if (stricter) return stricter;
  if (Array.isArray(initial)) return { type: 'array' };
  if (typeof initial === 'number') return atLeast(1);
  if (typeof initial === 'object') return { type: 'object' };
  return { type: typeof initial };
}
