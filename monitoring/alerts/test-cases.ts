import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROJECT } from './rule-files.ts';

/** What a case says of an alert. */
export interface Expectation {
  alert: string;
  fires: boolean;
  /** `file: name` of the case. */
  where: string;
  /** Metrics of the case's input. */
  inputs: string[];
  /** Labels of the alerts that fire. */
  labels: string[];
}

interface TestFile {
  tests: {
    name: string;
    input_series: { series: string }[];
    promql_expr_test?: { expr: string; exp_samples?: { labels: string }[] }[];
    alert_rule_test?: { alertname: string; exp_alerts?: unknown[] }[];
  }[];
}

/** The files for `promtool test rules`. Absolute paths. */
export const testFiles = (): string[] =>
  globSync('monitoring/alerts/*.test.yaml', { cwd: PROJECT })
    .sort()
    .map((file) => join(PROJECT, file));

/**
 * What the cases expect. That an alert fires is asked of the series ALERTS, whose labels are compared exactly;
 * that it is silent, of the alert itself, which then expects no alerts.
 */
export const expectations = (): Expectation[] =>
  testFiles().flatMap((file) => {
    const { tests } = parse(readFileSync(file, 'utf8')) as TestFile;
    return tests.flatMap((test) => {
      const inputs = test.input_series.map(({ series }) => series.replace(/\{.*$/, ''));
      const where = `${file.slice(PROJECT.length)}: ${test.name}`;
      const firing = (test.promql_expr_test ?? []).flatMap(({ expr, exp_samples = [] }) => {
        const alert = /^ALERTS\{alertname="(\w+)",alertstate="firing"\}$/.exec(expr)?.[1];
        if (!alert) throw new Error(`${where}: ${expr} asks for no alert that fires`);
        const labels = exp_samples.flatMap((sample) => [...sample.labels.matchAll(/(\w+)="/g)]);
        return {
          alert,
          fires: exp_samples.length > 0,
          where,
          inputs,
          labels: labels.map((match) => match[1]!),
        };
      });
      const silent = (test.alert_rule_test ?? []).map(({ alertname, exp_alerts = [] }) => ({
        alert: alertname,
        fires: exp_alerts.length > 0,
        where,
        inputs,
        labels: [],
      }));
      return [...firing, ...silent];
    });
  });
