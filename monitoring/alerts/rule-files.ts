import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A recording rule or an alert, as Prometheus writes it. */
export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface Alert extends Rule {
  alert: string;
}

/** The rule files, which the chart and every Prometheus of the project load. Absolute paths. */
export const ruleFiles = (): string[] =>
  globSync('charts/scrutin/files/alerts/*.yaml', { cwd: PROJECT })
    .sort()
    .map((file) => join(PROJECT, file));

/** All rules of the files, in their order. */
export const rules = (): Rule[] =>
  ruleFiles().flatMap((file) => {
    const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] };
    return groups.flatMap((group) => group.rules);
  });

/** Those that are alerts. */
export const alertsOf = (all: readonly Rule[]): Alert[] =>
  all.filter((rule): rule is Alert => rule.alert !== undefined);
