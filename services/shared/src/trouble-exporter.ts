import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from './log.ts';

type Done = Parameters<SpanExporter['export']>[1];

/**
 * Tells when the collector takes no spans, and when it takes them again: once each, however long it is away.
 * The spans are lost, which is no more than a line: nothing waits for a collector.
 */
export class TroubleExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Log;
  #lost = 0;

  constructor(exporter: SpanExporter, log: Log) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      const failed = result.code !== SUCCESS;
      if (failed && this.#lost === 0)
        this.#log.warn({ err: result.error, spans: spans.length }, 'traces can’t be sent; trying again');
      else if (!failed && this.#lost > 0) {
        this.#log.info({ lost: this.#lost }, 'traces are sent again');
        this.#lost = 0;
      }
      if (failed) this.#lost += spans.length;
      // Told already: the SDK would log each failure.
      done({ code: SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}

/** `ExportResultCode.SUCCESS` of @opentelemetry/core, which is not ours to import. */
const SUCCESS = 0;
