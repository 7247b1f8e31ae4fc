import { ScrutinError } from './errors.ts';
import { EXCHANGE, QUEUES, type QueueName, ROUTING_KEYS } from './topology.ts';
import { readTraceHeaders, type TracedVote, type TracePlace, traceHeaders } from './trace-headers.ts';

/**
 * All that a span may say. The list is closed on purpose: no NAS, code, hash, choice, law, ballot id, address
 * or text of a request, of a server or of an error is among it (P4, P5).
 */
export interface SpanAttributes {
  'http.request.method'?: 'POST';
  'http.route'?: string;
  'http.response.status_code'?: number;
  /** A failure's code, of the table in errors.ts. */
  'error.type'?: string;
  'messaging.system'?: 'rabbitmq';
  'messaging.operation.type'?: 'send' | 'process';
  'messaging.operation.name'?: 'send' | 'process';
  'messaging.destination.name'?: string;
  'messaging.rabbitmq.destination.routing_key'?: string;
  /** Votes in the message. */
  'messaging.batch.message_count'?: number;
  'db.system.name'?: 'redis' | 'postgresql';
  'db.operation.name'?: string;
  /** Votes of the batch. */
  'db.operation.batch.size'?: number;
  /** The broker handed the message out before. */
  'scrutin.redelivered'?: boolean;
  /** Tries that failed before the batch was done. */
  'scrutin.retries'?: number;
}

export interface SpanOptions {
  kind: 'server' | 'producer' | 'consumer' | 'client';
  attributes?: SpanAttributes;
  /** When it began, by `performance.now()`; now by default. */
  start?: number;
}

/** A span that is being recorded. */
export interface TraceSpan {
  readonly place: TracePlace;
  child(name: string, options: SpanOptions): TraceSpan | undefined;
  set(attributes: SpanAttributes): void;
  /** `failed` marks it as an error. */
  end(failed?: boolean): void;
}

/** Where spans come from; {@link openTracing} gives OpenTelemetry's. */
export interface Spans {
  /** The first span of a new trace, if the sampler takes it. */
  begin(name: string, options: SpanOptions): TraceSpan | undefined;
  /** A span under one of another process, which was sampled there. */
  continue(place: TracePlace, name: string, options: SpanOptions): TraceSpan | undefined;
  /** Sends what is left, within a time limit. */
  close(): Promise<void>;
}

/**
 * Follows sampled votes from the POST to the commit, each in a trace of its own. A message, and a batch, holds
 * many votes: what happens to it is a span in the trace of each traced vote in it, so that every trace is whole.
 */
export class VoteTracing {
  readonly #spans: Spans;
  /** The span that a vote is under at this stage. Votes that are gone take theirs along. */
  readonly #spanOf = new WeakMap<object, TraceSpan>();

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  /** A new trace for a request, if it is sampled. What the client sends has no say in it. */
  beginRequest(route: string): TraceSpan | undefined {
    return this.#spans.begin(`POST ${route}`, {
      kind: 'server',
      attributes: { 'http.request.method': 'POST', 'http.route': route },
    });
  }

  /** What becomes of `vote` is told under `span` from now on. */
  follow(vote: object, span: TraceSpan): void {
    this.#spanOf.set(vote, span);
  }

  /** What `vote`, or a request, is under, if it is traced. */
  spanOf(vote: object): TraceSpan | undefined {
    return this.#spanOf.get(vote);
  }

  /** The trace of a vote, for a log line: `{ trace_id }`, or nothing. */
  idOf(vote: object): { trace_id?: string } {
    const span = this.#spanOf.get(vote);
    return span ? { trace_id: span.place.traceId } : {};
  }

  /** `successors[i]` is what `votes[i]` has become. */
  pass(votes: readonly object[], successors: readonly object[]): void {
    votes.forEach((vote, i) => {
      const span = this.#spanOf.get(vote);
      if (span) this.follow(successors[i]!, span);
    });
  }

  /** Publishes a message of votes by `publish`, which is given the headers that it is to carry. */
  async publish(
    votes: readonly object[],
    routingKey: string,
    publish: (headers: Record<string, string> | undefined) => Promise<void>,
  ): Promise<void> {
    const traced: TracedVote[] = [];
    const sending: TraceSpan[] = [];
    votes.forEach((vote, position) => {
      const parent = this.#spanOf.get(vote);
      if (!parent) return;
      const span = parent.child(`send ${EXCHANGE}:${routingKey}`, {
        kind: 'producer',
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'send',
          'messaging.operation.name': 'send',
          'messaging.destination.name': `${EXCHANGE}:${routingKey}`,
          'messaging.rabbitmq.destination.routing_key': routingKey,
          'messaging.batch.message_count': votes.length,
        },
      });
      if (!span) return;
      sending.push(span);
      traced.push({ position, place: span.place });
    });
    try {
      await publish(traced.length > 0 ? traceHeaders(traced) : undefined);
    } catch (error) {
      this.#end(sending, error);
      throw error;
    }
    this.#end(sending);
  }

  /** Takes up the traced votes of a message that has come, as its headers name them. */
  receive(
    votes: readonly object[],
    message: { queue: QueueName; headers: Record<string, unknown> | undefined; redelivered: boolean },
  ): void {
    for (const { position, place } of readTraceHeaders(message.headers)) {
      const vote = votes[position];
      if (!vote) continue;
      const destination = `${EXCHANGE}:${ROUTING_KEY_OF[message.queue]}:${message.queue}`;
      const span = this.#spans.continue(place, `process ${message.queue}`, {
        kind: 'consumer',
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'process',
          'messaging.operation.name': 'process',
          'messaging.destination.name': destination,
          'messaging.batch.message_count': votes.length,
          ...(message.redelivered && { 'scrutin.redelivered': true }),
        },
      });
      if (span) this.follow(vote, span);
    }
  }

  /** A step that was done for all of a batch together, from `start` (`performance.now()`) until now. */
  record(
    votes: readonly object[],
    step: { name: string; start: number; system: 'redis' | 'postgresql'; operation: string },
  ): void {
    for (const vote of votes)
      this.#spanOf
        .get(vote)
        ?.child(step.name, {
          kind: 'client',
          start: step.start,
          attributes: {
            'db.system.name': step.system,
            'db.operation.name': step.operation,
            'db.operation.batch.size': votes.length,
          },
        })
        ?.end();
  }

  /** The batch is settled here: acknowledged, or, with `failure`, given back. */
  settle(votes: readonly object[], retries: number, failure?: unknown): void {
    for (const vote of votes) {
      const span = this.#spanOf.get(vote);
      if (!span) continue;
      if (retries > 0) span.set({ 'scrutin.retries': retries });
      this.#end([span], failure);
      this.#spanOf.delete(vote);
    }
  }

  close(): Promise<void> {
    return this.#spans.close();
  }

  #end(spans: readonly TraceSpan[], failure?: unknown): void {
    for (const span of spans) {
      if (failure !== undefined) span.set({ 'error.type': codeOf(failure) });
      span.end(failure !== undefined);
    }
  }
}

const ROUTING_KEY_OF: Record<QueueName, string> = {
  [QUEUES.validation]: ROUTING_KEYS.validation,
  [QUEUES.aggregation]: ROUTING_KEYS.aggregation,
  [QUEUES.review]: ROUTING_KEYS.review,
};

/** A failure's code if it is one of ours: an error's own words may quote a statement's values (P5). */
const codeOf = (failure: unknown): string => (failure instanceof ScrutinError ? failure.code : 'other');
