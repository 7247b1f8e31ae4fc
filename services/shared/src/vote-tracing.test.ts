import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { readConfig } from './config.ts';
import { electionIdSchema } from './election.ts';
import { ScrutinError } from './errors.ts';
import { spansTo } from './open-telemetry.ts';
import { QUEUES, ROUTING_KEYS } from './topology.ts';
import { readTraceHeaders, traceHeaders } from './trace-headers.ts';
import { tracingSettings } from './tracing.ts';
import { MAX_VOTES_PER_MESSAGE } from './vote-message.ts';
import { VoteTracing } from './vote-tracing.ts';

const ROUTE = '/api/v1/vote';
type Headers = Record<string, string> | undefined;

let exporter: InMemorySpanExporter;
const open: VoteTracing[] = [];

/** A stage's tracing, as a process of that name would have it, whose spans the test sees. */
function tracingOf(stage: string, env: Record<string, string> = {}): VoteTracing {
  const settings = { ...tracingSettings, ELECTION_ID: electionIdSchema.default('demo') };
  const config = readConfig(settings, { OTEL_TRACES_SAMPLER: 'always_on', ...env });
  const tracing = new VoteTracing(spansTo(new SimpleSpanProcessor({ exporter }), config, stage));
  open.push(tracing);
  return tracing;
}

beforeEach(() => {
  exporter = new InMemorySpanExporter();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((tracing) => tracing.close()));
});

const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

/** Votes as ingestion has them, the sampled ones each under its request's span. */
function arrive(ingestion: VoteTracing, count: number, sampled: (i: number) => boolean = () => true) {
  const votes = Array.from({ length: count }, () => ({}));
  const requests = votes.filter((_, i) => sampled(i)).map(() => ingestion.beginRequest(ROUTE)!);
  let next = 0;
  votes.forEach((vote, i) => {
    if (sampled(i)) ingestion.follow(vote, requests[next++]!);
  });
  return { votes, requests };
}

/** Publishes votes and gives the headers of the message. */
async function sent(tracing: VoteTracing, votes: object[], routingKey: string): Promise<Headers> {
  let headers: Headers;
  await tracing.publish(votes, routingKey, async (given) => {
    headers = given;
  });
  return headers;
}

function received(
  tracing: VoteTracing,
  queue: 'validation_queue' | 'aggregation_queue',
  count: number,
  headers: Headers,
) {
  const votes = Array.from({ length: count }, () => ({}));
  tracing.receive(votes, { queue, headers, redelivered: false });
  return votes;
}

describe('a sampled vote', () => {
  it('has one trace from its POST to the commit, across three processes and slices cut anew', async () => {
    const [ingestion, validation, aggregation] = [
      tracingOf('ingestion'),
      tracingOf('validation'),
      tracingOf('aggregation'),
    ];
    // Two messages, of which the votes at 1 and 2, and that at 0, are traced.
    const first = arrive(ingestion, 3, (i) => i > 0);
    const second = arrive(ingestion, 2, (i) => i === 0);
    const messages = [
      received(validation, QUEUES.validation, 3, await sent(ingestion, first.votes, ROUTING_KEYS.validation)),
      received(
        validation,
        QUEUES.validation,
        2,
        await sent(ingestion, second.votes, ROUTING_KEYS.validation),
      ),
    ];
    for (const request of [...first.requests, ...second.requests]) request.end();
    const batch = messages.flat();
    validation.record(batch, {
      name: 'decide',
      start: performance.now() - 5,
      system: 'redis',
      operation: 'EVALSHA',
    });
    const decided = batch.map(() => ({}));
    validation.pass(batch, decided);
    // The second traced vote is the last of its slice, the third is in the next slice.
    for (const slice of [decided.slice(0, 3), decided.slice(3)]) {
      const headers = await sent(validation, slice, ROUTING_KEYS.aggregation);
      const votes = received(aggregation, QUEUES.aggregation, slice.length, headers);
      aggregation.record(votes, {
        name: 'commit',
        start: performance.now(),
        system: 'postgresql',
        operation: 'COMMIT',
      });
      aggregation.settle(votes, 0);
    }
    validation.settle(batch, 0);

    const posts = named(`POST ${ROUTE}`);
    expect(posts).toHaveLength(3);
    for (const post of posts) {
      const { traceId } = post.spanContext();
      const trace = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
      const below = (parent: ReadableSpan) =>
        trace.filter((span) => span.parentSpanContext?.spanId === idOf(parent));
      expect(post.parentSpanContext).toBeUndefined();
      const [toValidation] = below(post);
      const [validate] = below(toValidation!);
      const steps = below(validate!);
      const toAggregation = steps.find((span) => span.name === 'send votes:vote.decided');
      const [aggregate] = below(toAggregation!);
      const [commit] = below(aggregate!);
      expect(
        [toValidation, validate, ...steps, aggregate, commit].map(
          (span) => `${SpanKind[span!.kind]} ${span!.name}`,
        ),
      ).toEqual([
        'PRODUCER send votes:vote.pending',
        'CONSUMER process validation_queue',
        'CLIENT decide',
        'PRODUCER send votes:vote.decided',
        'CONSUMER process aggregation_queue',
        'CLIENT commit',
      ]);
      expect(trace).toHaveLength(7);
      expect(trace.map((span) => span.resource.attributes['service.name']).sort()).toEqual(
        [
          'aggregation',
          'aggregation',
          'ingestion',
          'ingestion',
          'validation',
          'validation',
          'validation',
        ].map((stage) => `scrutin-${stage}`),
      );
    }
    const decide = named('decide')[0]!;
    const [seconds, nanoseconds] = decide.duration;
    expect(seconds * 1e9 + nanoseconds).toBeGreaterThanOrEqual(4_000_000);
    expect(decide.attributes).toEqual({
      'db.system.name': 'redis',
      'db.operation.name': 'EVALSHA',
      'db.operation.batch.size': 5,
    });
  });

  it('is named in its message’s headers, however many of the others are: they stay small', async () => {
    const ingestion = tracingOf('ingestion');
    const validation = tracingOf('validation');
    const { votes } = arrive(ingestion, MAX_VOTES_PER_MESSAGE);
    const headers = await sent(ingestion, votes, ROUTING_KEYS.validation);
    expect(JSON.stringify(headers).length).toBeLessThan(8_192);
    const come = received(validation, QUEUES.validation, votes.length, headers);
    expect(come.map((vote) => validation.idOf(vote))).toEqual(votes.map((vote) => ingestion.idOf(vote)));
  });

  it('that is not sampled leaves no span and no header', async () => {
    const ingestion = tracingOf('ingestion', {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    expect(ingestion.beginRequest(ROUTE)).toBeUndefined();
    expect(await sent(ingestion, [{}, {}], ROUTING_KEYS.validation)).toBeUndefined();
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('is one of as many as the setting says, and the other stages follow what ingestion has decided', async () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    const [ingestion, validation] = [
      tracingOf('ingestion', env),
      tracingOf('validation', { ...env, OTEL_TRACES_SAMPLER_ARG: '0' }),
    ];
    const votes = Array.from({ length: 5_000 }, () => ({}));
    const sampled = votes.filter((vote) => {
      const span = ingestion.beginRequest(ROUTE);
      if (span) ingestion.follow(vote, span);
      return span !== undefined;
    });
    expect(sampled.length).toBeGreaterThan(350);
    expect(sampled.length).toBeLessThan(650);
    const headers = await sent(ingestion, sampled.slice(0, 1), ROUTING_KEYS.validation);
    const [vote] = received(validation, QUEUES.validation, 1, headers);
    expect(validation.idOf(vote!)).toEqual(ingestion.idOf(sampled[0]!));
  });
});

describe('a failure', () => {
  it('is told by its code alone, whatever the error says', async () => {
    const ingestion = tracingOf('ingestion');
    const { votes } = arrive(ingestion, 1);
    const secret = '046454286 A1B2C3 oui';
    const failures = [
      new ScrutinError('broker-unavailable', secret, { cause: new Error(secret) }),
      new Error(secret),
    ];
    for (const failure of failures)
      await expect(
        ingestion.publish(votes, ROUTING_KEYS.validation, () => Promise.reject(failure)),
      ).rejects.toBe(failure);
    const sends = named('send votes:vote.pending');
    expect(sends.map(({ status }) => status)).toEqual([
      { code: SpanStatusCode.ERROR },
      { code: SpanStatusCode.ERROR },
    ]);
    expect(sends.map(({ attributes }) => attributes['error.type'])).toEqual(['broker-unavailable', 'other']);
    expect(sends.flatMap(({ events }) => events)).toEqual([]);
  });

  it('of a batch is counted while it is tried again, and told when the batch is given back', async () => {
    const [ingestion, validation] = [tracingOf('ingestion'), tracingOf('validation')];
    const headers = await sent(ingestion, arrive(ingestion, 2).votes, ROUTING_KEYS.validation);
    validation.settle(received(validation, QUEUES.validation, 2, headers), 3);
    validation.settle(
      received(validation, QUEUES.validation, 2, headers),
      1,
      new ScrutinError('filter-unavailable', 'x'),
    );
    const told = named('process validation_queue').map(({ attributes, status }) => [
      attributes['scrutin.retries'],
      attributes['error.type'],
      status.code,
    ]);
    expect(told.slice(1, 3)).toEqual([
      [3, undefined, SpanStatusCode.UNSET],
      [1, 'filter-unavailable', SpanStatusCode.ERROR],
    ]);
  });
});

describe('the headers of a message', () => {
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text));
  const traced = fc.record({
    position: fc.integer({ min: 0, max: 127 }),
    place: fc.record({ traceId: hex(32), spanId: hex(16) }),
  });

  it('are read as they were written, and the first place is where W3C says', () => {
    fc.assert(
      fc.property(fc.array(traced, { minLength: 1, maxLength: 40 }), (votes) => {
        const headers = traceHeaders(votes);
        expect(readTraceHeaders(headers)).toEqual(votes);
        const { traceId, spanId } = votes[0]!.place;
        expect(headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
      }),
    );
  });

  it('may hold anything: what is no place is left out', () => {
    const place = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const read = (text: unknown) => readTraceHeaders({ 'x-traced-votes': text }).length;
    expect(read(`0 ${place},x ${place}, 1,1 ${place}`)).toBe(2);
    expect(read(`0 ${place.replace(/-01$/, '-00')}`)).toBe(0);
    expect(read(`0 00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`)).toBe(0);
    expect(read(`0 ${place},`.repeat(1_000))).toBe(0);
    fc.assert(fc.property(fc.anything(), (text) => expect(read(text)).toBe(0)));
    const validation = tracingOf('validation');
    validation.receive([{}], {
      queue: QUEUES.validation,
      headers: { 'x-traced-votes': `7 ${place}` },
      redelivered: false,
    });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

describe('the settings', () => {
  it('name the process in its traces', () => {
    tracingOf('ingestion', {
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging, team=elections%2C%20data',
    })
      .beginRequest(ROUTE)!
      .end();
    tracingOf('validation', { OTEL_SERVICE_NAME: 'ours' }).beginRequest(ROUTE)!.end();
    const [first, second] = exporter.getFinishedSpans().map((span) => span.resource.attributes);
    expect(first).toMatchObject({
      'service.name': 'scrutin-ingestion',
      'service.namespace': 'scrutin',
      'scrutin.election': 'demo',
      'deployment.environment.name': 'staging',
      team: 'elections, data',
    });
    expect(second).toMatchObject({ 'service.name': 'ours' });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'staging'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz'],
  ])('%s=%s is told to be wrong', (name, value) => {
    expect(() => readConfig(tracingSettings, { [name]: value })).toThrow(name);
  });
});
