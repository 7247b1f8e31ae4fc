import { copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../servers/launch.ts';
import { projectFolder, type StateFile } from '../servers/state.ts';

export const prometheusFolder = (file: StateFile): string => file.path('prometheus');
const RETENTION = '15d';

/** Lays out the folder that monitoring/prometheus/local.yml is read from: with the rules, and a place for the targets. */
export function layOutPrometheus(folder: string): string {
  mkdirSync(join(folder, 'targets'), { recursive: true });
  const config = join(folder, 'prometheus.yml');
  copyFileSync(join(projectFolder, 'monitoring/prometheus/local.yml'), config);
  const rules = join(folder, 'rules');
  rmSync(rules, { force: true });
  symlinkSync(join(projectFolder, 'charts/scrutin/files/alerts'), rules);
  return config;
}

/**
 * Starts Prometheus on its kept port of the loopback, its data in the data folder; resolves with its pid. Nobody can
 * change or stop it over HTTP: `--web.enable-lifecycle` and the admin API are off by default.
 */
export function launchPrometheus(
  file: StateFile,
  program: string,
  onEnd?: (code: number) => void,
): Promise<number> {
  const folder = prometheusFolder(file);
  const config = layOutPrometheus(folder);
  return launch({
    program,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--storage.tsdb.retention.time=${RETENTION}`,
      `--web.listen-address=127.0.0.1:${file.state.ports.prometheus}`,
    ],
    log: file.path('logs', 'prometheus.log'),
    onEnd,
  });
}
