import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { projectFolder } from '../servers/state.ts';
import { layOutPrometheus } from './prometheus-server.ts';
import { requirePromtool } from './promtool.ts';

interface ScrapeConfig {
  job_name: string;
  metrics_path?: string;
  dns_sd_configs?: { names: string[]; port: number }[];
  file_sd_configs?: { files: string[] }[];
}
interface Configuration {
  rule_files: string[];
  scrape_configs: ScrapeConfig[];
}
type Settings = Record<string, { environment?: Record<string, string>; volumes?: string[] }>;

const JOBS = ['scrutin', 'rabbitmq', 'redis', 'postgresql', 'node', 'prometheus'];
const text = (file: string) => readFileSync(join(projectFolder, file), 'utf8');
const read = (file: string) => parse(text(file)) as Configuration;
const compose = (file: string) => (parse(text(file), { merge: true }) as { services: Settings }).services;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-prometheus-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What promtool says of a configuration; rejects with it if it is not sound. */
async function check(config: string): Promise<string> {
  const { stdout } = await promisify(execFile)(requirePromtool(), ['check', 'config', config]);
  return stdout;
}

describe('the configuration of Prometheus', () => {
  it('of npm start is sound, with every alert rule', async () => {
    const said = await check(layOutPrometheus(folder));
    expect(said).toContain('SUCCESS');
    expect(said).toMatch(/[1-9]\d* rules found/);
  }, 60_000);

  it('of compose.yaml is sound, with every alert rule, which is mounted where it looks', async () => {
    const [rules] = read('monitoring/prometheus/prometheus.yml').rule_files;
    const mount = compose('compose.yaml').prometheus!.volumes!.find((volume) =>
      volume.startsWith('./charts/scrutin/files/alerts:'),
    )!;
    expect(rules).toBe(`${mount.split(':')[1]}/*.yaml`);
    const config = join(folder, 'prometheus.yml');
    const here = join(projectFolder, 'charts/scrutin/files/alerts/*.yaml');
    writeFileSync(config, text('monitoring/prometheus/prometheus.yml').replace(rules!, here));
    const said = await check(config);
    expect(said).toContain('SUCCESS');
    expect(said).toMatch(/[1-9]\d* rules found/);
  }, 60_000);

  it.each(['local.yml', 'prometheus.yml'])('has the same jobs in %s, RabbitMQ with its alarms', (file) => {
    const { scrape_configs } = read(`monitoring/prometheus/${file}`);
    expect(scrape_configs.map(({ job_name }) => job_name)).toEqual(JOBS);
    const broker = scrape_configs.find(({ job_name }) => job_name === 'rabbitmq');
    // /metrics/per-object has none.
    expect(broker?.metrics_path ?? '/metrics').toBe('/metrics');
  });

  it('of compose.yaml asks every service that has metrics, each of its containers, at its port', () => {
    const services = { ...compose('compose.dev.yaml'), ...compose('compose.yaml') };
    const asked = read('monitoring/prometheus/prometheus.yml').scrape_configs.flatMap(
      ({ dns_sd_configs = [] }) => dns_sd_configs.map(({ names, port }) => [names[0]!, port] as const),
    );
    for (const [name] of asked) expect(services).toHaveProperty(name);
    const stages = { ingestion: 3001, validation: 3002, aggregation: 3003, results: 3004, operator: 3005 };
    expect(Object.fromEntries(asked)).toMatchObject({ ...stages, rabbitmq: 15692 });
    const exporters = Object.keys(services).filter((name) => name.endsWith('-exporter'));
    expect(Object.keys(Object.fromEntries(asked))).toEqual(expect.arrayContaining(exporters));
  });

  it('leaves nobody a way to stop or change it over HTTP', () => {
    for (const file of ['compose.yaml', 'scripts/monitoring/prometheus-server.ts'])
      expect(text(file)).not.toMatch(/['"\s]--web\.enable-(lifecycle|admin-api)['"\s]*$/m);
  });
});
