import { z } from 'zod';
import { type Config, kinds } from './config.ts';
import type { Log } from './log.ts';
import { VoteTracing } from './vote-tracing.ts';

const pairs = (example: string) =>
  z
    .string()
    .refine(
      (text) => text.split(',').every((pair) => /^[^=,\s]+=[^,]*$/.test(pair.trim()) && decodes(pair)),
      `must be name=value, separated by commas, such as ${example}`,
    );

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Settings of the stages that a vote passes, named as OpenTelemetry's specification names them. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: kinds
    .url(['http://', 'https://'])
    .optional()
    .describe(
      'Where traces are sent, as OTLP over HTTP: http://localhost:4318 for a collector here. Without it there are none',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: pairs('api-key=secret')
    .meta({ secret: true })
    .optional()
    .describe('Headers that the collector asks for, name=value, separated by commas'),
  OTEL_TRACES_SAMPLER: z
    .enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      { error: 'must be a sampler of OpenTelemetry, such as parentbased_traceidratio' },
    )
    .default('parentbased_traceidratio')
    .describe('Which votes are traced; ingestion decides it for all stages'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number({ error: 'must be a number from 0 to 1' })
    .min(0, 'must be a number from 0 to 1')
    .max(1, 'must be a number from 0 to 1')
    .default(0.01)
    .describe('Part of the votes that the samplers "traceidratio" trace, from 0 to 1'),
  OTEL_SERVICE_NAME: z
    .string()
    .optional()
    .describe('Name of this process in traces; by default scrutin-ingestion, scrutin-validation …'),
  OTEL_RESOURCE_ATTRIBUTES: pairs('deployment.environment.name=staging')
    .optional()
    .describe('What else traces say of this process: name=value, separated by commas'),
};

/** The settings of a stage, as far as its traces go by them. */
export type TracedConfig = Config<typeof tracingSettings> & { readonly ELECTION_ID: string };

/** `a=b,c=d`, percent-encoded, as the settings have it. */
export const readPairs = (text: string | undefined): Record<string, string> =>
  Object.fromEntries(
    (text ?? '')
      .split(',')
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
      }),
  );

/** Traces of a process, if it is told where to send them; else undefined, and nothing of OpenTelemetry is loaded. */
export async function openTracing(
  config: TracedConfig,
  stage: string,
  log: Log,
): Promise<VoteTracing | undefined> {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return undefined;
  const { openTelemetrySpans } = await import('./open-telemetry.ts');
  return new VoteTracing(openTelemetrySpans(config, stage, log));
}
