import { z } from 'zod';
import { FAILURES, type FailureCode } from './errors.ts';
import type { HealthReport } from './health.ts';
import { type Problem, problem } from './http.ts';
import { VERSION } from './version.ts';

/** The parts of OpenAPI 3.1.1 (spec.openapis.org/oas/v3.1.1) that the stages' documents use. */
export type JsonSchema = Record<string, unknown>;

export interface MediaType {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, { summary?: string; value: unknown }>;
}

export interface Header {
  description: string;
  schema: JsonSchema;
  example?: unknown;
}

export interface ApiResponse {
  description: string;
  headers?: Record<string, Header>;
  content?: Record<string, MediaType>;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  description: string;
  required?: boolean;
  schema: JsonSchema;
  example?: unknown;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required: boolean; description?: string; content: Record<string, MediaType> };
  responses: Record<string, ApiResponse>;
}

export type Paths = Record<string, { get?: Operation; post?: Operation }>;

export interface OpenApiDocument {
  openapi: '3.1.1';
  info: {
    title: string;
    version: string;
    description: string;
    license: { name: string; identifier: string };
  };
  tags: { name: string; description: string }[];
  paths: Paths;
  components: { schemas: Record<string, JsonSchema> };
}

export interface DocumentParts {
  title: string;
  description: string;
  tags: OpenApiDocument['tags'];
  paths: Paths;
  /** What is sent to us, and what we send, by the name that `schemaRef` uses. */
  requests?: Record<string, z.ZodType>;
  responses: Record<string, z.ZodType>;
}

/** A stage's whole document: its own paths, and those that every HTTP stage has. */
export function openApiDocument(parts: DocumentParts): OpenApiDocument {
  const entries = [
    ...Object.entries(parts.requests ?? {}).map(([name, schema]) => [name, jsonSchema(schema, 'input')]),
    ...Object.entries({ ...parts.responses, Problem: problemSchema, HealthReport: healthReportSchema }).map(
      ([name, schema]) => [name, jsonSchema(schema, 'output')],
    ),
  ];
  return {
    openapi: '3.1.1',
    info: {
      title: parts.title,
      version: VERSION,
      description: parts.description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...parts.tags, { name: 'operations', description: 'For those who run it' }],
    paths: { ...parts.paths, ...probePaths },
    components: { schemas: Object.fromEntries(entries) },
  };
}

/** JSON Schema 2020-12 of a zod schema, as OpenAPI 3.1 embeds it. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const {
    $schema: _dialect,
    $ref,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    override: ({ jsonSchema: json }) => {
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
      // `example` is OpenAPI 3.0's; a 3.1 schema is JSON Schema, which has `examples`.
      if ('example' in json) {
        json.examples = [json.example as string];
        delete json.example;
      }
    },
  }) as JsonSchema;
  // A schema with an id of its own comes as a reference to itself.
  if (typeof $ref !== 'string') return rest;
  const { id: _id, ...own } = ($defs as Record<string, JsonSchema>)[$ref.slice('#/$defs/'.length)]!;
  return own;
}

export const schemaRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** A 200 with JSON of the named schema. */
export const jsonResponse = (
  description: string,
  schema: string,
  example: unknown,
  headers?: ApiResponse['headers'],
): ApiResponse => ({
  description,
  ...(headers && { headers }),
  content: { 'application/json': { schema: schemaRef(schema), example } },
});

export const RETRY_AFTER: Header = {
  description: 'Whole seconds after which another try makes sense (RFC 9110, section 10.2.3)',
  schema: { type: 'integer', minimum: 0 },
  example: 2,
};

/** Responses of the failures that an operation can meet, by status; `details` are the examples' words. */
export function problemResponses(details: Partial<Record<FailureCode, string>>): Record<string, ApiResponse> {
  const responses: Record<string, ApiResponse> = {};
  for (const [name, detail] of Object.entries(details)) {
    const code = name as FailureCode;
    const { status, title, retry } = FAILURES[code];
    const response = responses[status];
    const errors =
      code === 'invalid-submission' ? [{ field: 'code', message: detail.replace(/^code /, '') }] : undefined;
    const example = { summary: title, value: problem(code, detail, errors) };
    const content = response?.content?.['application/problem+json'];
    if (content?.examples) {
      content.examples[code] = example;
      response!.description += `; or: ${title}`;
    } else {
      responses[status] = {
        description: title,
        content: {
          'application/problem+json': { schema: schemaRef('Problem'), examples: { [code]: example } },
        },
      };
    }
    if (retry) responses[status]!.headers = { 'Retry-After': RETRY_AFTER };
  }
  return responses;
}

export const problemSchema = z
  .object({
    type: z.url().describe('Identifies the kind of problem'),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z
      .enum(Object.keys(FAILURES) as [FailureCode, ...FailureCode[]])
      .describe('The last part of `type`; stable'),
    detail: z.string().describe('What was wrong this time. Never holds a NAS or a code'),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('The members that break the rules, with the rule'),
  })
  .describe('A problem as RFC 9457 writes it') satisfies z.ZodType<Problem>;

export const healthReportSchema = z.object({
  status: z.enum(['healthy', 'degraded']),
  stage: z.string(),
  election_id: z.string(),
  version: z.string(),
  uptime_s: z.number(),
  timestamp: z.iso.datetime(),
  dependencies: z.record(
    z.string(),
    z.object({
      status: z.enum(['up', 'down']),
      detail: z.string().optional(),
      latency_ms: z.number().optional(),
    }),
  ),
}) satisfies z.ZodType<HealthReport>;

const text = (description: string, type: string, example: string): ApiResponse => ({
  description,
  content: { [type]: { schema: { type: 'string' }, example } },
});

const health = (operationId: string): Operation => {
  const example: HealthReport = {
    status: 'healthy',
    stage: 'ingestion',
    election_id: 'demo',
    version: VERSION,
    uptime_s: 42,
    timestamp: '2026-10-05T12:00:00.000Z',
    dependencies: { rabbitmq: { status: 'up', latency_ms: 0.1 } },
  };
  const down = {
    ...example,
    status: 'degraded',
    dependencies: { rabbitmq: { status: 'down', detail: 'not connected' } },
  };
  return {
    operationId,
    tags: ['operations'],
    summary: 'The state of the process and of each dependency',
    responses: {
      '200': jsonResponse('Everything is up', 'HealthReport', example),
      '503': jsonResponse('Something is down, or the process is starting or stopping', 'HealthReport', down),
    },
  };
};

const readiness: JsonSchema = {
  type: 'object',
  properties: { ready: { type: 'boolean' } },
  required: ['ready'],
};

/** `mountProbes` and `mountDocs` serve these. */
const probePaths: Paths = {
  '/health': { get: health('health') },
  '/api/v1/health': { get: health('apiHealth') },
  '/livez': {
    get: {
      operationId: 'live',
      tags: ['operations'],
      summary: 'Whether the process answers at all',
      responses: { '200': text('It does', 'text/plain', 'ok\n') },
    },
  },
  '/readyz': {
    get: {
      operationId: 'ready',
      tags: ['operations'],
      summary: 'Whether requests should be sent here: started, and not stopping',
      responses: {
        '200': {
          description: 'Yes',
          content: { 'application/json': { schema: readiness, example: { ready: true } } },
        },
        '503': {
          description: 'Not now',
          content: { 'application/json': { schema: readiness, example: { ready: false } } },
        },
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['operations'],
      summary: 'Metrics for Prometheus',
      responses: {
        '200': text('Text exposition format', 'text/plain', 'scrutin_build_info{version="0.1.0"} 1\n'),
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      tags: ['operations'],
      summary: 'This document',
      responses: {
        '200': {
          description: 'OpenAPI 3.1',
          content: { 'application/json': { schema: { type: 'object' } } },
        },
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'docs',
      tags: ['operations'],
      summary: 'This document for people',
      responses: { '200': text('A page', 'text/html', '<!doctype html>') },
    },
  },
  '/docs/{asset}': {
    get: {
      operationId: 'docsAsset',
      tags: ['operations'],
      summary: 'Scripts and styles of the page',
      parameters: [
        {
          name: 'asset',
          in: 'path',
          required: true,
          description: 'File name',
          schema: { type: 'string' },
          example: 'swagger-ui.css',
        },
      ],
      responses: {
        '200': { description: 'The file' },
        ...problemResponses({ 'not-found': 'GET is not served at this path' }),
      },
    },
  },
};
