import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '@scrutin/shared/config.ts';
import { electionIdSchema } from '@scrutin/shared/election.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { openTracing, tracingSettings } from '@scrutin/shared/tracing.ts';
import { electorHash, pepperFromHex, voterHash } from '@scrutin/shared/voter-hash.ts';
import { planVotes } from '../load-tests/plan-votes.ts';
import { type CastVote, castVotes } from './support/cast-votes.ts';
import { ElectionUnderTest } from './support/election-under-test.ts';
import { environmentUrls } from './support/environment-urls.ts';
import { LeakSearch, NO_LEAK } from './support/leak-search.ts';
import { type CollectedSpan, OtlpCollector } from './support/otlp-collector.ts';
import { removeElection } from './support/remove-election.ts';
import { freePort, StageProcess } from './support/stage-process.ts';
import { allRecorded } from './support/tally-check.ts';

const POST = 'POST /api/v1/vote';
const VALID = 400;
/** Votes that are on their way together: messages of many traced votes. */
const LANES = 64;
/** Nanoseconds: the SDK reads the clock in whole milliseconds. */
const ROUNDING = 1_000_000n;

/** A trace as an outline: each span under its parent, with its process. */
function outline(trace: readonly CollectedSpan[], parent?: string, indent = ''): string[] {
  return trace
    .filter((span) => span.parentSpanId === parent)
    .sort((a, b) => (a.start < b.start ? -1 : 1))
    .flatMap((span) => [
      `${indent}${span.service.replace('scrutin-', '')}: ${span.name}`,
      ...outline(trace, span.spanId, `${indent}  `),
    ]);
}

const WHOLE = [
  'ingestion: POST /api/v1/vote',
  '  ingestion: send votes:vote.pending',
  '    validation: process validation_queue',
  '      validation: decide',
  '      validation: send votes:vote.decided',
  '        aggregation: process aggregation_queue',
  '          aggregation: commit',
];

describe('traces of an election', () => {
  let collector: OtlpCollector;
  let election: ElectionUnderTest;
  const history: CastVote[] = [];

  const byTrace = () => Map.groupBy(collector.spans, (span) => span.traceId);
  const cast = async (valid: number, lanes: number) => {
    const { electors, laws, ingestion, databaseUrl } = election;
    const { votes } = planVotes({ electors, laws, valid, repeats: 0.05, ineligible: 0.02, malformed: 0.01 });
    const answers = await castVotes(ingestion.url, votes, { lanes });
    history.push(...answers);
    await allRecorded(databaseUrl, answers, 60_000);
    return answers;
  };

  beforeAll(async () => {
    collector = await OtlpCollector.start();
    election = await ElectionUnderTest.start({
      urls: environmentUrls(),
      voters: 1_500,
      validations: 2,
      aggregations: 1,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
        OTEL_TRACES_SAMPLER: 'always_on',
        // A vote that is refused at the door and sent again would have more than one trace.
        MAX_WAIT_MS: '10000',
      },
    });
    await cast(VALID, LANES);
  }, 120_000);

  afterAll(async () => {
    await election?.stop();
    await collector?.close();
    if (election) await removeElection(election);
  }, 60_000);

  test('each vote has one, from its POST to the commit, through the broker and three processes', async () => {
    const accepted = history.filter(({ status }) => status === 202).length;
    const expected = accepted * WHOLE.length + history.length - accepted;
    await until('every span is there', async () => collector.spans.length >= expected, 30_000).catch(
      () => {},
    );
    const outlines = [...byTrace().values()].map((trace) => outline(trace).join('\n'));
    const whole = outlines.filter((text) => text === WHOLE.join('\n'));
    const others = outlines.filter((text) => text !== WHOLE.join('\n'));
    expect(new Set(others)).toEqual(new Set([WHOLE[0]]));
    expect(whole).toHaveLength(accepted);
    expect(byTrace().size).toBe(history.length);
  }, 60_000);

  test('what is under a span begins after it, and the answer comes after the broker’s confirm', () => {
    for (const trace of byTrace().values()) {
      const spans = new Map(trace.map((span) => [span.spanId, span]));
      for (const span of trace) {
        expect(span.end).toBeGreaterThanOrEqual(span.start);
        const parent = span.parentSpanId && spans.get(span.parentSpanId);
        if (parent) expect(span.start).toBeGreaterThanOrEqual(parent.start - ROUNDING);
        if (parent && parent.name === POST) expect(parent.end).toBeGreaterThanOrEqual(span.end - ROUNDING);
      }
    }
  });

  test('nothing that was sent to the collector holds a NAS, a code, a hash, a choice, a law, a ballot id or an address', () => {
    const bytes = collector.taken.join('\n');
    expect(bytes.length).toBeGreaterThan(VALID * 1_000);
    expect(new LeakSearch(election.electors).count(bytes)).toEqual(NO_LEAK);
    const pepper = pepperFromHex(election.pepper);
    const holds = (texts: Iterable<string>) => [...texts].filter((text) => bytes.includes(text));
    expect(
      holds(
        election.electors.map(({ nas, code }) => voterHash(electorHash(nas, code), pepper).toString('hex')),
      ),
    ).toEqual([]);
    expect(holds(history.flatMap(({ ballotId }) => ballotId ?? []))).toEqual([]);
    expect(holds(election.laws)).toEqual([]);
    // The head of each request names the collector’s own address.
    const sent = collector.taken.map((text) => text.slice(text.indexOf('\n{'))).join('\n');
    expect(sent).not.toMatch(/127\.0\.0\.1|::1|\b(?:oui|non)\b/i);
  });

  test('a client’s own traceparent changes nothing', async () => {
    const traceId = 'a'.repeat(32);
    const { nas, code } = election.electors.at(-1)!;
    const before = byTrace().size;
    const response = await fetch(`${election.ingestion.url}/api/v1/vote`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: `00-${traceId}-${'b'.repeat(16)}-01` },
      body: JSON.stringify({ nas, code, law_id: election.laws[0], vote: 'oui' }),
    });
    expect(response.status).toBe(202);
    await until('its trace is there', async () => byTrace().size > before, 30_000);
    expect(byTrace().has(traceId)).toBe(false);
    expect(collector.taken.join('\n')).not.toContain('b'.repeat(16));
  }, 60_000);

  test('the log names the trace beside the ballot id at every stage, and no voter or choice', () => {
    const lines = election
      .logs()
      .split('\n')
      .filter((line) => line.includes('"trace_id"'))
      .map((line) => JSON.parse(line) as { stage: string; ballot_id: string; trace_id: string });
    const { ballotId } = history.find(({ status }) => status === 202)!;
    const ofOne = lines.filter((line) => line.ballot_id === ballotId);
    expect(ofOne.map(({ stage }) => stage).sort()).toEqual(['aggregation', 'ingestion', 'validation']);
    expect(new Set(ofOne.map(({ trace_id }) => trace_id)).size).toBe(1);
    expect(byTrace().has(ofOne[0]!.trace_id)).toBe(true);
    expect(lines.map((line) => JSON.stringify(line)).join('\n')).not.toMatch(
      /\b(?:oui|non)\b|"[0-9a-f]{64}"/,
    );
  });

  test.each(['hang', 'refuse'] as const)(
    'while the collector is made to %s, votes are taken and counted as ever',
    async (behaviour) => {
      collector.behaviour = behaviour;
      const requests = collector.requests;
      const answers = await cast(2_500, 64);
      const statuses = new Set(
        answers.filter(({ vote }) => vote.kind !== 'malformed').map(({ status }) => status),
      );
      expect(statuses).toEqual(new Set([202]));
      await until('the collector was asked', async () => collector.requests > requests, 30_000);
    },
    120_000,
  );

  test('a collector that is away is told once by each process, and so is its return', async () => {
    const told = (stage: StageProcess, text: string) =>
      readFileSync(stage.options.logFile, 'utf8')
        .split('\n')
        .filter((line) => line.includes(text)).length;
    await until('the loss is told', async () => told(election.ingestion, 'traces can’t be sent') > 0, 30_000);
    collector.behaviour = 'take';
    await cast(50, 4);
    await until(
      'the return is told',
      async () => told(election.ingestion, 'traces are sent again') > 0,
      30_000,
    );
    expect(told(election.ingestion, 'traces can’t be sent')).toBe(1);
  }, 90_000);

  test('a process ends in time while the collector hangs', async () => {
    collector.behaviour = 'hang';
    await cast(50, 4);
    const start = performance.now();
    await election.stop();
    // Two seconds are the limit for spans; the rest is a loaded machine’s.
    expect(performance.now() - start).toBeLessThan(12_000);
    expect(election.logs()).not.toContain('not finished within');
  }, 60_000);
});

describe('without a collector', () => {
  const REPORT = fileURLToPath(new URL('./support/report-loads.mjs', import.meta.url));
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'scrutin-untraced-'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What of OpenTelemetry a stage has asked for until it serves. */
  async function loadedBy(stage: string, env: Record<string, string>): Promise<Set<string>> {
    const logFile = join(folder, `${stage}-${Object.keys(env).length}.log`);
    const process = new StageProcess({
      name: stage,
      main: `services/${stage}/src/main.ts`,
      port: await freePort(),
      env: {
        NODE_OPTIONS: `--import=${REPORT}`,
        VOTER_PEPPER: 'ab'.repeat(32),
        RABBITMQ_URL: 'amqp://127.0.0.1:1',
        REDIS_URL: 'redis://127.0.0.1:1',
        ...env,
      },
      logFile,
    });
    process.start();
    try {
      await until(
        `${stage} is alive`,
        async () => (await fetch(`${process.url}/livez`).catch(() => undefined))?.ok === true,
        30_000,
      );
    } finally {
      await process.stop();
    }
    return new Set(readFileSync(logFile, 'utf8').match(/(?<=asked for )@opentelemetry\/[\w-]+/g));
  }

  test.each(['ingestion', 'validation', 'aggregation'])(
    '%s loads nothing of OpenTelemetry but what the metrics’ package asks for',
    async (stage) => {
      const [off, on] = await Promise.all([
        loadedBy(stage, {}),
        loadedBy(stage, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }),
      ]);
      expect([...off].filter((name) => name !== '@opentelemetry/api')).toEqual([]);
      expect(on).toContain('@opentelemetry/sdk-trace');
    },
    60_000,
  );
});

test('what waits when a process ends is sent', async () => {
  const collector = await OtlpCollector.start();
  try {
    const settings = { ...tracingSettings, ELECTION_ID: electionIdSchema.default('demo') };
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'always_on' };
    const log = createLog({ stage: 'test', level: 'silent' });
    const tracing = (await openTracing(readConfig(settings, env), 'ingestion', log))!;
    for (let i = 0; i < 2_000; i++) tracing.beginRequest('/api/v1/vote')!.end();
    await tracing.close();
    expect(collector.spans.length).toBe(2_000);
  } finally {
    await collector.close();
  }
});
