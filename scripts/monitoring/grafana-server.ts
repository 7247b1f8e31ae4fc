import { basename, join } from 'node:path';
import { launch } from '../servers/launch.ts';
import { projectFolder, type StateFile } from '../servers/state.ts';

/**
 * Starts Grafana on its kept port of the loopback, with the datasource and the dashboards of monitoring/grafana and
 * charts/scrutin/files/dashboards; resolves with its pid. Whoever is on this machine may look, nobody may change them,
 * and it calls nobody outside.
 */
export function launchGrafana(
  file: StateFile,
  program: string,
  home: string,
  onEnd?: (code: number) => void,
): Promise<number> {
  const folder = file.path('grafana');
  return launch({
    program,
    args: [...(basename(program) === 'grafana' ? ['server'] : []), `--homepath=${home}`],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GF_PATHS_DATA: folder,
      GF_PATHS_LOGS: join(folder, 'log'),
      GF_PATHS_PLUGINS: join(folder, 'plugins'),
      GF_PATHS_PROVISIONING: join(projectFolder, 'monitoring/grafana/provisioning'),
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(file.state.ports.grafana),
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      PROMETHEUS_URL: `http://127.0.0.1:${file.state.ports.prometheus}`,
      SCRUTIN_DASHBOARDS: join(projectFolder, 'charts/scrutin/files/dashboards'),
    },
    log: file.path('logs', 'grafana.log'),
    onEnd,
  });
}
