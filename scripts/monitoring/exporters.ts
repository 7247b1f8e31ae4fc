import { launch } from '../servers/launch.ts';
import { privateServers, type ServerUrls } from '../servers/servers.ts';
import type { StateFile } from '../servers/state.ts';
import type { Start } from './keeper.ts';
import { findMonitors, type Monitor } from './programs.ts';
import { type ScrapeTarget, writeTargets } from './scrape-targets.ts';

/** Each exporter's job in Prometheus, and how it is told its server: never on a command line, which anybody may read. */
const EXPORTERS = {
  'redis-exporter': {
    job: 'redis',
    listen: '-web.listen-address',
    env: ({ REDIS_URL }: ServerUrls) => ({ REDIS_ADDR: REDIS_URL }),
  },
  'postgres-exporter': {
    job: 'postgresql',
    listen: '--web.listen-address',
    env: ({ DATABASE_URL }: ServerUrls) => {
      const url = new URL(DATABASE_URL);
      if (!url.searchParams.has('sslmode')) url.searchParams.set('sslmode', 'disable');
      return { DATA_SOURCE_NAME: url.href };
    },
  },
  'node-exporter': { job: 'node', listen: '--web.listen-address', env: () => ({}) },
} as const satisfies Partial<Record<Monitor, unknown>>;
export type Exporter = keyof typeof EXPORTERS;
const names = Object.keys(EXPORTERS) as Exporter[];

/** The exporters that are installed here. */
export function installedExporters(): Exporter[] {
  const found = findMonitors();
  return names.filter((name) => found[name]);
}

/**
 * Starts the exporters that are installed, on their kept ports, with `run`, and tells Prometheus of them and of the private RabbitMQ,
 * which is its own exporter.
 */
export async function launchExporters(
  file: StateFile,
  servers: ServerUrls,
  folder: string,
  run: (name: Exporter, start: Start) => Promise<void> = async (name, start) =>
    file.setProcess(name, await start(() => {})),
): Promise<void> {
  const at = (instance: string, port: number | undefined): ScrapeTarget[] =>
    port === undefined ? [] : [{ instance, address: `127.0.0.1:${port}` }];
  const found = findMonitors();
  const { ports } = file.state;
  for (const name of names) {
    const { job, listen, env } = EXPORTERS[name];
    const program = found[name];
    if (program)
      await run(name, (onEnd) =>
        launch({
          program,
          args: [`${listen}=127.0.0.1:${ports[name]}`],
          env: { PATH: process.env.PATH, ...env(servers) },
          log: file.path('logs', `${name}.log`),
          onEnd,
        }),
      );
    writeTargets(folder, job, program ? at(job, ports[name]) : []);
  }
  const broker = privateServers().includes('rabbitmq') ? at('rabbitmq', ports.rabbitmqPrometheus) : [];
  writeTargets(folder, 'rabbitmq', broker);
  writeTargets(folder, 'prometheus', at('prometheus', ports.prometheus));
}
