import { z } from 'zod';

/** A rule in CEL, and what is said to who breaks it. */
export interface CelRule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden';
}

/** A schema as a CustomResourceDefinition takes it: structural, in the OpenAPI v3 subset. */
export interface StructuralSchema {
  type?: string;
  format?: string;
  description?: string;
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  required?: string[];
  default?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  'x-kubernetes-validations'?: CelRule[];
  'x-kubernetes-list-type'?: 'map' | 'atomic' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
}

/** What is taken over from zod's JSON Schema as it is. */
const KEPT = [
  'type',
  'format',
  'description',
  'required',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
] as const;

type JsonSchema = { [key: string]: unknown };

/** RFC 3339 with its time zone: the API server alone would take a moment without one. */
const MOMENT = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$';

/**
 * The structural schema of what a person may write (`input`), or of what is stored (`output`). Throws a `TypeError` for
 * what a structural schema can't say: it must be said in CEL then.
 */
export function structuralSchema(schema: z.ZodType, io: 'input' | 'output'): StructuralSchema {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'throw', reused: 'inline', target: 'draft-7' });
  return convert(json as JsonSchema, '');
}

function convert(json: JsonSchema, path: string): StructuralSchema {
  for (const union of ['anyOf', 'oneOf', 'allOf', 'not', '$ref', 'const'])
    if (json[union] !== undefined)
      throw new TypeError(`${path || 'the schema'} has ${union}, which is not structural`);
  const structural: StructuralSchema = {};
  for (const key of KEPT) if (json[key] !== undefined) Object.assign(structural, { [key]: json[key] });
  if (json.format === 'date-time') structural.pattern = MOMENT;
  // A bare path is a URI too for the API server; a rule in CEL says what is wanted.
  if (json.format === 'uri') delete structural.format;
  for (const limit of ['minimum', 'maximum'] as const) {
    const value = json[limit] as number | undefined;
    if (value !== undefined && Math.abs(value) !== Number.MAX_SAFE_INTEGER) structural[limit] = value;
  }
  if (json.type === 'integer') structural.format = 'int64';
  if (json.items) structural.items = convert(json.items as JsonSchema, `${path}[]`);
  if (json.properties)
    structural.properties = Object.fromEntries(
      Object.entries(json.properties as Record<string, JsonSchema>).map(([name, property]) => [
        name,
        convert(property, path ? `${path}.${name}` : name),
      ]),
    );
  return structural;
}
