import { hostname } from 'node:os';
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { Log } from './log.ts';
import { settledWithin } from './retry.ts';
import type { TracePlace } from './trace-headers.ts';
import { readPairs, type TracedConfig } from './tracing.ts';
import { TroubleExporter } from './trouble-exporter.ts';
import { VERSION } from './version.ts';
import type { SpanAttributes, SpanOptions, Spans, TraceSpan } from './vote-tracing.ts';

/** Spans that wait for the collector at the most, about 2 MB; more are dropped (P6). */
const MAX_WAITING_SPANS = 2_048;
const SPANS_PER_REQUEST = 512;
/** Milliseconds between two requests, unless there is enough for one. */
const SEND_EVERY_MS = 2_000;
/** Milliseconds that the collector has for a request, tries again included. */
const SEND_TIMEOUT_MS = 10_000;
/** Milliseconds of a process's end that may go into its last spans. */
const CLOSE_TIMEOUT_MS = 2_000;

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
} as const;

/** Spans of OpenTelemetry's SDK, sent to the collector that the settings name. */
export function openTelemetrySpans(config: TracedConfig, stage: string, log: Log): Spans {
  redirectDiagnostics(log);
  const exporter = new OTLPTraceExporter({
    url: `${config.OTEL_EXPORTER_OTLP_ENDPOINT!.replace(/\/+$/, '')}/v1/traces`,
    headers: readPairs(config.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMillis: SEND_TIMEOUT_MS,
    // At the end of the process all that waits is sent at once, beside what is on its way.
    concurrencyLimit: MAX_WAITING_SPANS / SPANS_PER_REQUEST + 1,
  });
  const processor = new BatchSpanProcessor({
    exporter: new TroubleExporter(exporter, log),
    maxQueueSize: MAX_WAITING_SPANS,
    maxExportBatchSize: SPANS_PER_REQUEST,
    scheduledDelayMillis: SEND_EVERY_MS,
    exportTimeoutMillis: SEND_TIMEOUT_MS + 1_000,
  });
  return spansTo(processor, config, stage);
}

/** The same, given to a processor: for a test, one that keeps them. */
export function spansTo(processor: SpanProcessor, config: TracedConfig, stage: string): Spans {
  const provider = new TracerProvider({
    sampler: samplerOf(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32 },
    spanProcessors: [processor],
    resource: resourceFromAttributes({
      'service.namespace': 'scrutin',
      'service.instance.id': `${hostname()}:${process.pid}`,
      'scrutin.election': config.ELECTION_ID,
      [ATTR_SERVICE_VERSION]: VERSION,
      [ATTR_SERVICE_NAME]: `scrutin-${stage}`,
      ...readPairs(config.OTEL_RESOURCE_ATTRIBUTES),
      ...(config.OTEL_SERVICE_NAME && { [ATTR_SERVICE_NAME]: config.OTEL_SERVICE_NAME }),
    }),
  });
  const tracer = provider.getTracer('scrutin', VERSION);
  return {
    begin: (name, options) => startSpan(tracer, ROOT_CONTEXT, name, options),
    continue: (place, name, options) => startSpan(tracer, under(place), name, options),
    close: () => settledWithin(provider.shutdown(), CLOSE_TIMEOUT_MS),
  };
}

function samplerOf(name: TracedConfig['OTEL_TRACES_SAMPLER'], ratio: number): Sampler {
  const root = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }[name.replace('parentbased_', '') as 'always_on' | 'always_off' | 'traceidratio']();
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

const spanContext = ({ traceId, spanId }: TracePlace) => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
});

const under = (place: TracePlace): Context => trace.setSpanContext(ROOT_CONTEXT, spanContext(place));

/** The span, or undefined if the sampler does not take it. */
function startSpan(
  tracer: Tracer,
  parent: Context,
  name: string,
  { kind, attributes, start }: SpanOptions,
): TraceSpan | undefined {
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(attributes && { attributes: attributes as Attributes }),
      ...(start !== undefined && { startTime: start }),
    },
    parent,
  );
  return span.isRecording() ? new RecordedSpan(tracer, span) : undefined;
}

class RecordedSpan implements TraceSpan {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly place: TracePlace;

  constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.#span = span;
    const { traceId, spanId } = span.spanContext();
    this.place = { traceId, spanId };
  }

  child(name: string, options: SpanOptions): TraceSpan | undefined {
    return startSpan(this.#tracer, trace.setSpan(ROOT_CONTEXT, this.#span), name, options);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes as Attributes);
  }

  end(failed = false): void {
    if (failed) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    // Given, because the SDK would take whole milliseconds for a span whose beginning was given.
    this.#span.end(performance.now());
  }
}

/** The SDK's own words go where all of the process's go: warnings and errors, one a minute at the most. */
function redirectDiagnostics(log: Log): void {
  let quietUntil = 0;
  const warn = (message: string) => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 60_000;
    log.warn({ component: 'opentelemetry' }, message);
  };
  const silent = () => {};
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
