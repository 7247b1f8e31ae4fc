import type { Settings } from '@scrutin/shared/config.ts';
import { z } from 'zod';
import type { JsonSchema } from './json-schema.ts';

/** What the chart sets itself, or takes from a Secret: never among a chart's `settings`. */
const SET_BY_CHART = new Set([
  ...['HOST', 'PORT', 'ELECTION_ID', 'VOTER_PEPPER'],
  ...['REDIS_URL', 'REDIS_CLUSTER_NODES', 'RABBITMQ_URL', 'DATABASE_URL'],
  ...['WATCH_NAMESPACE', 'LEASE_NAMESPACE', 'LEASE_NAME', 'POD_NAME', 'LOADER_IMAGE'],
]);

/** A process's table of settings as the schema of a chart's `settings`: a wrong name or value is refused by helm. */
export function settingsSchema(settings: Settings): JsonSchema {
  const properties = Object.entries(settings)
    .filter(([name]) => !SET_BY_CHART.has(name))
    .map(([name, schema]) => [name, settingSchema(schema)] as const);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function settingSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { unrepresentable: 'any' }) as JsonSchema;
  return made;
}
