import { createServer, type Server, type ServerResponse } from 'node:http';

/** A span as a collector gets it. */
export interface CollectedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  /** Nanoseconds since the epoch. */
  start: bigint;
  end: bigint;
}

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}
interface OtlpBody {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
}

/** A collector of traces as OTLP over HTTP with JSON has it, which keeps every byte and can be made to hang or refuse. */
export class OtlpCollector {
  readonly #server: Server;
  readonly #held = new Set<ServerResponse>();
  /** What it does with a request; a `hang` lasts until the collector is closed. */
  behaviour: 'take' | 'hang' | 'refuse' = 'take';
  /** Requests that came, whatever became of them. */
  requests = 0;
  /** Head and body of all that was taken. */
  readonly taken: string[] = [];
  /** The spans of what was taken. */
  readonly spans: CollectedSpan[] = [];
  #port = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      this.requests++;
      const { behaviour } = this;
      if (behaviour === 'hang') {
        this.#held.add(response);
        request.resume();
        return;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (behaviour === 'refuse' || request.url !== '/v1/traces') {
        response.writeHead(400).end();
        return;
      }
      const body = Buffer.concat(chunks).toString('utf8');
      this.taken.push(`${request.rawHeaders.join('\n')}\n${body}`);
      this.spans.push(...spansIn(JSON.parse(body) as OtlpBody));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  }

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    collector.#port = (collector.#server.address() as { port: number }).port;
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    for (const response of this.#held) response.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

const spansIn = (body: OtlpBody): CollectedSpan[] =>
  body.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')!.value.stringValue!;
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano }) => ({
        service,
        traceId,
        spanId,
        parentSpanId: parentSpanId || undefined,
        name,
        start: BigInt(startTimeUnixNano),
        end: BigInt(endTimeUnixNano),
      })),
    );
  });
