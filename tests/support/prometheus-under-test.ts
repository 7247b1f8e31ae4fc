import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { layOutPrometheus } from '../../scripts/monitoring/prometheus-server.ts';

/** A series of an answer: its labels, and its values over time. */
export interface AnsweredSeries {
  metric: Record<string, string>;
  values: [seconds: number, value: string][];
}

interface Answer {
  status: string;
  error?: string;
  data: unknown;
}

export interface PrometheusOptions {
  program: string;
  /** Where its configuration, targets and data lie. */
  folder: string;
  port: number;
  /** The text of a rule file beside the project's alerts. */
  rules: string;
}

/** The Prometheus of npm start, which reads every second. */
export class PrometheusUnderTest {
  readonly #options: PrometheusOptions;
  readonly #startedAt = Date.now() / 1000;
  readonly #child: ChildProcess;
  #gone = false;

  private constructor(options: PrometheusOptions) {
    const { program, folder, port, rules } = options;
    this.#options = options;
    const config = layOutPrometheus(folder);
    writeFileSync(join(folder, 'test-rules.yaml'), rules);
    const text = readFileSync(config, 'utf8')
      .replace(/(scrape|evaluation)_interval: \w+/g, '$1_interval: 1s')
      .replace('rule_files: [', 'rule_files: [test-rules.yaml, ');
    writeFileSync(config, text);
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.pipe(createWriteStream(join(folder, 'prometheus.log')));
    this.#child.once('close', () => {
      this.#gone = true;
    });
  }

  /** Started and ready. The targets are those that `writeTargets` has put into the folder, now or later. */
  static async start(options: PrometheusOptions): Promise<PrometheusUnderTest> {
    const prometheus = new PrometheusUnderTest(options);
    await until(
      'Prometheus is ready',
      async () => {
        if (prometheus.#gone) throw new Error(`Prometheus has ended: see ${options.folder}/prometheus.log`);
        return fetch(`${prometheus.#url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        );
      },
      30_000,
    );
    return prometheus;
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#options.port}`;
  }

  /** Whether every target was read without a fault the last time; with the faults of those that were not. */
  async targets(): Promise<{ read: number; faults: string[] }> {
    const { activeTargets } = (await this.#ask('targets', { state: 'active' })) as {
      activeTargets: { scrapeUrl: string; health: string; lastError: string }[];
    };
    const bad = activeTargets.filter(({ health }) => health !== 'up');
    return {
      read: activeTargets.length - bad.length,
      faults: bad.map(({ scrapeUrl, lastError }) => `${scrapeUrl}: ${lastError || 'not read yet'}`),
    };
  }

  /** The value of a query now. Throws what Prometheus says of a query that it can't read. */
  async now(query: string): Promise<AnsweredSeries[]> {
    const { result } = (await this.#ask('query', { query })) as {
      result: { metric: Record<string, string>; value: [number, string] }[];
    };
    return result.map(({ metric, value }) => ({ metric, values: [value] }));
  }

  /** A query's values over the whole run. */
  async overTheRun(query: string): Promise<AnsweredSeries[]> {
    const { result } = (await this.#ask('query_range', { query, ...this.#run, step: '1' })) as {
      result: AnsweredSeries[];
    };
    return result;
  }

  /** The labels of each series that `selector` has had during the run. */
  async series(selector: string): Promise<Record<string, string>[]> {
    return (await this.#ask('series', { 'match[]': selector, ...this.#run })) as Record<string, string>[];
  }

  async stop(): Promise<void> {
    if (this.#gone) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await closed;
  }

  get #run(): { start: string; end: string } {
    return { start: String(this.#startedAt), end: String(Date.now() / 1000) };
  }

  async #ask(path: string, parameters: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, error, data } = (await response.json()) as Answer;
    if (status !== 'success') throw new Error(error ?? `status ${response.status}`);
    return data;
  }
}
