import pc from 'picocolors';
import type { ServerUrls } from '../servers/servers.ts';
import type { State } from '../servers/state.ts';

/** A URL without user and password. */
export function withoutPassword(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}

/** The addresses of everything, as people use them; no password in them. */
export function addresses(state: State, servers: ServerUrls): Record<string, string> {
  const at = (name: string, path = '') => `http://127.0.0.1:${state.ports[name]}${path}`;
  return {
    'Results page': at('results', '/'),
    'Results API': at('results', '/api/v1/results'),
    'Vote (POST)': at('ingestion', '/api/v1/vote'),
    'API documents': at('ingestion', '/docs'),
    Ingestion: at('ingestion', '/health'),
    Validation: at('validation-1', '/health'),
    Aggregation: at('aggregation', '/health'),
    Results: at('results', '/health'),
    Operator: at('operator', '/health'),
    'RabbitMQ console': withoutPassword(servers.RABBITMQ_MANAGEMENT_URL),
    RabbitMQ: withoutPassword(servers.RABBITMQ_URL),
    Redis: withoutPassword(servers.REDIS_URL),
    PostgreSQL: withoutPassword(servers.DATABASE_URL),
    ...(state.processes.prometheus && { Prometheus: at('prometheus', '/') }),
    ...(state.processes.grafana && { Grafana: at('grafana', '/') }),
  };
}

/** One line an address. */
export function addressLines(urls: Record<string, string>): string {
  const width = Math.max(...Object.keys(urls).map((name) => name.length));
  return Object.entries(urls)
    .map(([name, url]) => `  ${name.padEnd(width)}  ${pc.cyan(url)}`)
    .join('\n');
}

/** `ingestion 127.0.0.1:9301, …` of a development run. */
export const debuggers = (state: State): string =>
  Object.entries(state.ports)
    .filter(([name]) => name.startsWith('debug:'))
    .map(([name, port]) => `${name.slice('debug:'.length)} 127.0.0.1:${port}`)
    .join(', ');
