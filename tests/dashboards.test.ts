import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { type PlannedVote, planVotes } from '../load-tests/plan-votes.ts';
import { type CheckedDashboard, dashboardSchema } from '../monitoring/dashboards/testing/dashboard-schema.ts';
import { MeasuredController } from '../operator/src/kubernetes/testing/measured-controller.ts';
import { launchExporters } from '../scripts/monitoring/exporters.ts';
import { monitorsDown } from '../scripts/monitoring/processes.ts';
import { requireMonitors } from '../scripts/monitoring/provide-monitors.ts';
import { writeTargets } from '../scripts/monitoring/scrape-targets.ts';
import { castVotes } from './support/cast-votes.ts';
import { unanswered, variablesOf } from './support/dashboard-answers.ts';
import { ElectionUnderTest } from './support/election-under-test.ts';
import { PrivateServers } from './support/private-servers.ts';
import { type AnsweredSeries, PrometheusUnderTest } from './support/prometheus-under-test.ts';
import { freePort } from './support/stage-process.ts';

const FOLDER = fileURLToPath(new URL('../charts/scrutin/files/dashboards/', import.meta.url));
const dashboards = readdirSync(FOLDER).map((file) =>
  dashboardSchema.parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))),
);
const VOTERS = 20_000;
/** Votes that are cast at once, and the pause after them: some hundreds a second, which leave room for all the rest. */
const SLICE = 200;
const PAUSE_MS = 250;
/** So long votes are cast before the election closes. */
const LOAD_MS = 20_000;
/** A result is final half a minute after closing: the broker's counts are believed only so late. */
const FINAL_WITHIN_MS = 120_000;
/** An alert that is always there, for the dashboards' annotations. */
const RULES = `groups:
  - name: test
    rules:
      - alert: AlwaysThere
        expr: vector(1)
        labels: { severity: warning }
`;

describe('the dashboards, on a Prometheus that reads a live run under load', () => {
  let servers: PrivateServers;
  let election: ElectionUnderTest;
  let prometheus: PrometheusUnderTest;
  let closedAt: number;
  const controller = new MeasuredController();
  const load = new AbortController();
  let loading: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    const programs = requireMonitors();
    servers = await PrivateServers.start();
    const { file, urls } = servers;
    const folder = file.path('prometheus');
    mkdirSync(folder, { recursive: true });
    const exporters = ['redis-exporter', 'postgres-exporter', 'node-exporter'];
    for (const name of exporters) file.setPort(name, await freePort());
    await launchExporters(file, urls, folder);
    writeTargets(folder, 'rabbitmq', [at('rabbitmq', file.state.ports.rabbitmqPrometheus!)]);
    writeTargets(folder, 'prometheus', []);
    const port = await freePort();
    prometheus = await PrometheusUnderTest.start({
      program: programs.prometheus,
      folder,
      port,
      rules: RULES,
    });
    election = await ElectionUnderTest.start({
      urls,
      voters: VOTERS,
      spec: { results: 'afterClose' },
      env: { CLOSING_GRACE_MS: '1000', LOG_LEVEL: 'info' },
    });
    const processes = election.stages.map((stage) => at(stage.options.name, stage.options.port));
    writeTargets(folder, 'scrutin', [...processes, at('cluster-operator', await controller.start())]);
    loading = castUntil(election, load.signal);
    closedAt = Date.now() + LOAD_MS;
    closeAt(election, closedAt);
  }, 180_000);

  afterAll(async () => {
    load.abort();
    await loading;
    await Promise.all([election?.stop(), prometheus?.stop(), controller.stop()]);
    if (servers) await monitorsDown(servers.file);
    await servers?.stop();
    election?.discardFolder();
  }, 60_000);

  test('every process and every exporter is read', async () => {
    // Beside the stages: the cluster's operator, RabbitMQ, and the three exporters.
    const expected = { read: election.stages.length + 5, faults: [] as string[] };
    let targets = await prometheus.targets();
    await until(
      'all targets are read',
      async () => {
        targets = await prometheus.targets();
        return targets.read === expected.read;
      },
      60_000,
    ).catch(() => {});
    expect(targets).toEqual(expected);
  }, 90_000);

  test('answer every query, with metrics and labels that there are', async () => {
    const looked = [];
    for (const dashboard of dashboards)
      looked.push({ dashboard, variables: await variablesOf(prometheus, dashboard, election.id) });
    expect(await unanswered(prometheus, looked, closedAt + FINAL_WITHIN_MS)).toEqual([]);
  }, 180_000);

  test('show no choice before the election has closed, and then the published counts', async () => {
    let told: AnsweredSeries[] = [];
    await until(
      'the result of every law is told',
      async () => {
        told = await prometheus.overTheRun('scrutin_result_votes');
        return told.length === election.laws.length * 2;
      },
      20_000,
    );
    for (const { values } of told) expect(values[0]![0] * 1000).toBeGreaterThan(closedAt);
    const published = (await (await fetch(`${election.results.url}/api/v1/results`)).json()) as {
      laws: { law_id: string; oui_count: number; non_count: number }[];
    };
    expect(Object.fromEntries(told.map(({ metric, values }) => [key(metric), values.at(-1)![1]]))).toEqual(
      Object.fromEntries(
        published.laws.flatMap(({ law_id, oui_count, non_count }) => [
          [`${law_id} oui`, String(oui_count)],
          [`${law_id} non`, String(non_count)],
        ]),
      ),
    );
  }, 30_000);

  test('a query that asks for what is not there is found', async () => {
    const [dashboard] = dashboards;
    const faults: string[] = [];
    for (const expr of [
      'scrutin_votes_acepted_total',
      'sum(rate(scrutin_votes_accepted_totl[$__rate_interval])) or vector(0)',
      'scrutin_build_info{stag="ingestion"} or vector(0)',
      'scrutin_build_info{stage="counting"}',
      'histogram_quantile(0.5, rate(scrutin_ingestion_accept_seconds_bucket{le="7"}[1s]))',
      '0 / (scrutin_build_info - 1)',
      'sum(scrutin_build_info',
    ])
      faults.push(
        ...(await unanswered(prometheus, [{ dashboard: asking(dashboard!, expr), variables: {} }], 0)),
      );
    expect(faults).toEqual(
      [
        'there is no metric scrutin_votes_acepted_total',
        'there is no metric scrutin_votes_accepted_totl',
        'scrutin_build_info has no label stag',
        'an empty answer',
        'an empty answer',
        'no number in the answer',
        'parse error',
      ].map((fault) => expect.stringContaining(`: ${fault}`)),
    );
  }, 30_000);
});

const at = (instance: string, port: number) => ({ instance, address: `127.0.0.1:${port}` });
const key = ({ law, choice }: Record<string, string>): string => `${law} ${choice}`;

/** The dashboard with nothing but one query in it. */
function asking(dashboard: CheckedDashboard, expr: string): CheckedDashboard {
  const panel = dashboard.panels.find((one) => 'targets' in one)!;
  const target = { ...(panel as { targets: object[] }).targets[0], expr, legendFormat: 'x', instant: false };
  const panels = [{ ...panel, targets: [target] }] as CheckedDashboard['panels'];
  return { ...dashboard, panels, annotations: { list: [] } };
}

/** Moves the election's end to the moment, as a person does: in its file. */
function closeAt({ folder }: ElectionUnderTest, moment: number): void {
  const file = join(folder, 'election.json');
  const resource = JSON.parse(readFileSync(file, 'utf8')) as { spec: object };
  resource.spec = { ...resource.spec, closesAt: new Date(moment).toISOString() };
  writeFileSync(file, JSON.stringify(resource));
}

/** Casts votes of every kind and reads results, until the signal. */
async function castUntil(election: ElectionUnderTest, signal: AbortSignal): Promise<void> {
  const { votes } = planVotes({
    electors: election.electors,
    laws: election.laws,
    valid: VOTERS * 2,
    repeats: 0.03,
    ineligible: 0.02,
    malformed: 0.01,
  });
  while (!signal.aborted && votes.length > 0) {
    const slice: PlannedVote[] = votes.splice(0, SLICE);
    await castVotes(election.ingestion.url, slice, { lanes: 16 });
    for (const path of ['/api/v1/results', '/api/v1/turnout', '/nowhere'])
      await fetch(new URL(path, election.results.url)).then((answer) => answer.body?.cancel());
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
