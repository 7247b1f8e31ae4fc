import { existsSync } from 'node:fs';
import { findProgram } from '../servers/binaries.ts';

/** What watches the pipeline on one machine. Each by the name of its process in the state file. */
export const MONITORS = [
  'prometheus',
  'redis-exporter',
  'postgres-exporter',
  'node-exporter',
  'grafana',
] as const;
export type Monitor = (typeof MONITORS)[number];

/** Debian's and Ubuntu's package of Prometheus. */
export const PROMETHEUS_PACKAGE = 'prometheus';

const PROGRAMS: Record<Monitor, readonly string[]> = {
  prometheus: ['prometheus'],
  'redis-exporter': ['prometheus-redis-exporter', 'redis_exporter'],
  'postgres-exporter': ['prometheus-postgres-exporter', 'postgres_exporter'],
  'node-exporter': ['prometheus-node-exporter', 'node_exporter'],
  // Grafana 9 and older have a program for the server; newer ones a subcommand.
  grafana: ['grafana', 'grafana-server'],
};

/** The programs that are installed here. */
export function findMonitors(path = process.env.PATH ?? ''): Partial<Record<Monitor, string>> {
  const found: Partial<Record<Monitor, string>> = {};
  for (const monitor of MONITORS) {
    const program = PROGRAMS[monitor].map((name) => findProgram(name, path)).find(Boolean);
    if (program) found[monitor] = program;
  }
  return found;
}

/** Where Grafana's packages keep what it serves. */
export const grafanaHome = (): string | undefined =>
  ['/usr/share/grafana', '/opt/grafana', '/opt/homebrew/share/grafana'].find((folder) => existsSync(folder));
