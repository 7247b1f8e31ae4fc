import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { isRunning } from '../servers/process-identity.ts';
import type { ServerUrls, Telling } from '../servers/servers.ts';
import { StateFile } from '../servers/state.ts';
import { addresses } from '../stack/addresses.ts';
import { Monitoring } from './monitoring.ts';

jest.setTimeout(120_000);

const servers: ServerUrls = {
  REDIS_URL: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  RABBITMQ_URL: process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672',
  RABBITMQ_MANAGEMENT_URL: process.env.RABBITMQ_MANAGEMENT_URL ?? 'http://guest:guest@127.0.0.1:15672',
  DATABASE_URL: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
};

let folder: string;
let file: StateFile;
let told: string[];
let stages: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scrutin-monitoring-'));
  file = StateFile.open(folder);
  told = [];
  stages = [];
});
afterEach(async () => {
  for (const stage of stages) stage.close();
  rmSync(folder, { recursive: true, force: true });
});

const tell: Telling = {
  step: (title, work) =>
    work((detail) => {
      told.push(`${title} ${detail}`);
    }),
  note: (text) => {
    told.push(text);
  },
};

/** A process with one metric. */
async function stage(instance: string): Promise<{ instance: string; address: string }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain').end('scrutin_build_info{stage="validation"} 1\n');
  });
  stages.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { instance, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** The instances that answer now, by what Prometheus recorded. */
async function recorded(): Promise<string[]> {
  const url = `http://127.0.0.1:${file.state.ports.prometheus}/api/v1/query?query=up{job="scrutin"}==1`;
  const answer = (await (await fetch(url)).json()) as {
    data: { result: { metric: { instance: string } }[] };
  };
  return answer.data.result.map(({ metric }) => metric.instance).sort();
}

describe('what watches the pipeline', () => {
  it('records every worker, those that come and not those that have gone, and leaves no process', async () => {
    const monitoring = new Monitoring({ file, tell, servers, installation: undefined, grafana: false });
    const [one, two] = [await stage('validation-1'), await stage('validation-2')];
    monitoring.stages([one]);
    monitoring.start();
    try {
      await monitoring.settled;
      expect(told).toEqual([expect.stringMatching(/^Prometheus http:\/\/127\.0\.0\.1:\d+\//)]);
      await until('the first is recorded', async () => (await recorded()).join() === 'validation-1', 60_000);
      monitoring.stages([one, two]);
      await until('the second is, too', async () => (await recorded()).length === 2, 60_000);
      monitoring.stages([two]);
      await until('the first is no more', async () => (await recorded()).join() === 'validation-2', 60_000);
      expect(addresses(file.state, servers).Prometheus).toBe(
        `http://127.0.0.1:${file.state.ports.prometheus}/`,
      );
      const running = Object.entries(file.state.processes);
      for (const [, { pid }] of running)
        expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('guest');
      await monitoring.stop();
      expect(running.filter(([, identity]) => isRunning(identity))).toEqual([]);
      expect(addresses(file.state, servers)).not.toHaveProperty('Prometheus');
    } finally {
      await monitoring.stop();
    }
  });

  it('starts Prometheus again that was killed, says so once, and stops it while it is being started', async () => {
    const monitoring = new Monitoring({ file, tell, servers, installation: undefined, grafana: false });
    monitoring.stages([await stage('validation-1')]);
    monitoring.start();
    try {
      await monitoring.settled;
      const first = file.running('prometheus')!;
      process.kill(first.pid, 'SIGKILL');
      await until(
        'another one runs',
        () => (file.running('prometheus')?.pid ?? first.pid) !== first.pid,
        60_000,
      );
      const records = async () => (await recorded().catch(() => [])).join() === 'validation-1';
      await until('it records again', records, 60_000);
      const second = file.running('prometheus')!;
      process.kill(second.pid, 'SIGKILL');
      await until('that is seen', () => file.state.processes.prometheus?.pid !== second.pid);
      await monitoring.stop();
      // Each time, unless the second comes within the ten seconds of a start that may not have been a good one.
      expect([...new Set(told.slice(1))]).toEqual(['prometheus ended (code 137); starting it again']);
      expect(file.state.processes).toEqual({});
    } finally {
      await monitoring.stop();
    }
  });

  describe('where programs are missing', () => {
    const { PATH } = process.env;
    afterEach(() => {
      process.env.PATH = PATH;
    });

    it('says why nothing is recorded when Prometheus can’t run, and goes on', async () => {
      const bin = join(folder, 'bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'prometheus'), '#!/bin/sh\necho "the disk is full"\nexit 1\n', { mode: 0o755 });
      process.env.PATH = `${bin}:${PATH}`;
      const monitoring = new Monitoring({ file, tell, servers, installation: undefined, grafana: false });
      monitoring.start();
      try {
        await monitoring.settled;
        expect(told).toEqual([
          expect.stringMatching(/^Nothing is recorded: prometheus ended(.|\n)*the disk is full$/),
        ]);
      } finally {
        await monitoring.stop();
      }
      expect(file.state.processes).toEqual({});
    });

    it('says so in a sentence when Grafana is asked for, and goes on', async () => {
      const monitoring = new Monitoring({ file, tell, servers, installation: undefined, grafana: true });
      monitoring.start();
      try {
        await monitoring.settled;
        // A machine that has Grafana gets it instead.
        expect(told.at(-1)).toMatch(/^Grafana (is not installed here|http:\/\/127)/);
      } finally {
        await monitoring.stop();
      }
    });

    it('starts Grafana with the datasource and the dashboards of the project, and calls nobody outside', async () => {
      const { launchGrafana } = await import('./grafana-server.ts');
      const program = join(folder, 'grafana');
      const seen = join(folder, 'seen');
      writeFileSync(
        program,
        `#!/bin/sh\nenv >"${seen}.new"\necho "ARGS=$*" >>"${seen}.new"\nmv "${seen}.new" "${seen}"\n`,
      );
      chmodSync(program, 0o755);
      file.setPort('grafana', 23_456);
      file.setPort('prometheus', 29_123);
      await launchGrafana(file, program, '/usr/share/grafana');
      await until('it has begun', () => existsSync(seen), 30_000);
      const env = Object.fromEntries(
        readFileSync(seen, 'utf8')
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
      expect(env).toMatchObject({
        ARGS: 'server --homepath=/usr/share/grafana',
        GF_SERVER_HTTP_ADDR: '127.0.0.1',
        GF_SERVER_HTTP_PORT: '23456',
        GF_ANALYTICS_REPORTING_ENABLED: 'false',
        GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
        PROMETHEUS_URL: 'http://127.0.0.1:29123',
      });
      const datasource = readFileSync(join(env.GF_PATHS_PROVISIONING!, 'datasources/prometheus.yml'), 'utf8');
      expect(datasource).toContain('url: $PROMETHEUS_URL');
      const dashboards = readFileSync(join(env.GF_PATHS_PROVISIONING!, 'dashboards/scrutin.yml'), 'utf8');
      expect(dashboards).toContain('path: $SCRUTIN_DASHBOARDS');
      expect(existsSync(env.SCRUTIN_DASHBOARDS!)).toBe(true);
    });
  });
});
