import { freePort, isFree } from '../servers/free-port.ts';
import { waitUntilReady } from '../servers/launch.ts';
import { type Installation, install } from '../servers/packages.ts';
import { portOffset, type ServerUrls, type Telling } from '../servers/servers.ts';
import type { StateFile } from '../servers/state.ts';
import { installedExporters, launchExporters } from './exporters.ts';
import { launchGrafana } from './grafana-server.ts';
import { Keeper } from './keeper.ts';
import { monitorsDown } from './processes.ts';
import { findMonitors, grafanaHome, type Monitor } from './programs.ts';
import { launchPrometheus, layOutPrometheus, prometheusFolder } from './prometheus-server.ts';
import { type ScrapeTarget, writeTargets } from './scrape-targets.ts';

/** Where the search for a free port begins; kept from then on. */
const PORTS: Record<Monitor, number> = {
  prometheus: 29_090,
  'node-exporter': 27_100,
  'redis-exporter': 27_900,
  'postgres-exporter': 29_187,
  grafana: 23_000,
};
const READY_LIMIT_MS = 60_000;

export interface MonitoringOptions {
  file: StateFile;
  tell: Telling;
  servers: ServerUrls;
  /** How Prometheus is installed, where it is not and may be. */
  installation: Installation | undefined;
  grafana: boolean;
}

/**
 * What watches the pipeline on one machine: Prometheus, the exporters that are installed, and Grafana if asked for. What ends
 * unasked is started again. Votes are counted without it: whatever goes wrong here is told, and nothing else comes of it.
 */
export class Monitoring {
  readonly #options: MonitoringOptions;
  readonly #folder: string;
  readonly #keeper: Keeper;
  #started: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: MonitoringOptions) {
    this.#options = options;
    this.#folder = prometheusFolder(options.file);
    this.#keeper = new Keeper({ file: options.file, note: (text) => options.tell.note(text) });
  }

  /** Tells Prometheus which stages to ask. It sees a change at once. */
  stages(targets: readonly ScrapeTarget[]): void {
    writeTargets(this.#folder, 'scrutin', targets);
  }

  /** Starts beside whatever else goes on; never rejects. */
  start(): void {
    this.#started = this.#start().catch((error: Error) => {
      if (!this.#stopping) this.#options.tell.note(`Nothing is recorded: ${error.message}`);
    });
  }

  /** Resolves once it runs, or it is known that it won't. */
  get settled(): Promise<void> {
    return this.#started;
  }

  /** Ends all of it. What was recorded stays. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#started;
    await this.#keeper.close();
    await monitorsDown(this.#options.file);
  }

  async #start(): Promise<void> {
    const { file, tell, servers, installation, grafana } = this.#options;
    if (installation)
      await tell.step(`Package ${installation.packages.join(', ')}`, async () => {
        const failure = await install(installation);
        if (failure) throw new Error(`${installation.packages.join(', ')} can’t be installed: ${failure}`);
      });
    if (this.#stopping) return;
    await monitorsDown(file);
    const program = findMonitors().prometheus;
    if (!program) throw new Error('Prometheus is not installed here (Debian’s package prometheus)');
    await tell.step('Prometheus', async (detail) => {
      const exporters = installedExporters();
      for (const name of ['prometheus', ...exporters] as const) await this.#choosePort(name);
      layOutPrometheus(this.#folder);
      await launchExporters(file, servers, this.#folder, (name, start) => this.#keeper.run(name, start));
      await this.#keeper.run(
        'prometheus',
        (onEnd) => launchPrometheus(file, program, onEnd),
        () => this.#ready('prometheus', '/-/ready'),
      );
      const also = exporters.length > 0 ? `, ${exporters.join(', ')}` : '';
      detail(`http://127.0.0.1:${file.state.ports.prometheus}/${also}`);
    });
    if (grafana && !this.#stopping) await this.#startGrafana();
  }

  async #startGrafana(): Promise<void> {
    const { file, tell } = this.#options;
    const program = findMonitors().grafana;
    const home = grafanaHome();
    if (!program || !home) {
      tell.note(
        'Grafana is not installed here: no grafana or grafana-server on PATH, or none of its files in /usr/share/grafana. Its packages are at grafana.com; the dashboards are in charts/scrutin/files/dashboards.',
      );
      return;
    }
    await tell.step('Grafana', async (detail) => {
      await this.#choosePort('grafana');
      await this.#keeper.run(
        'grafana',
        (onEnd) => launchGrafana(file, program, home, onEnd),
        () => this.#ready('grafana', '/api/health'),
      );
      detail(`http://127.0.0.1:${file.state.ports.grafana}/`);
    });
  }

  async #ready(name: Monitor, path: string): Promise<void> {
    const { file } = this.#options;
    const url = `http://127.0.0.1:${file.state.ports[name]}${path}`;
    await waitUntilReady({
      name,
      log: file.path('logs', `${name}.log`),
      timeoutMs: READY_LIMIT_MS,
      alive: () => file.running(name) !== undefined,
      ready: async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok,
    });
  }

  async #choosePort(name: Monitor): Promise<void> {
    const { file } = this.#options;
    const kept = file.state.ports[name];
    if (kept !== undefined && (await isFree(kept))) return;
    file.setPort(
      name,
      await freePort(PORTS[name] + portOffset(file), new Set(Object.values(file.state.ports))),
    );
  }
}
