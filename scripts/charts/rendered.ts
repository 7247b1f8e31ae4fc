import { globSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A chart with one set of values, as it is installed. */
export interface Installation {
  chart: string;
  /** Name of the values file; undefined for the chart's own values. */
  sample: string | undefined;
  /** Arguments of helm that name both. */
  values: readonly string[];
  release: string;
  namespace: string;
}

/** Each chart by itself, and with each of its sample values files (`ci/*.yaml`, and an election's of `k8s`). */
export function installations(project: string): Installation[] {
  return ['scrutin-operator', 'scrutin'].flatMap((chart) => {
    const own = globSync(join(project, 'charts', chart, 'ci', '*.yaml')).sort();
    const elections =
      chart === 'scrutin' ? globSync(join(project, 'k8s/{try-,production/*}values.yaml')).sort() : [];
    return [undefined, ...own, ...elections].map((file) => ({
      chart,
      sample: file && basename(file),
      values: file === undefined ? [] : ['--values', file],
      release: chart === 'scrutin' ? 'demo' : 'scrutin-operator',
      namespace: chart === 'scrutin' ? 'demo' : 'scrutin-system',
    }));
  });
}

export const nameOf = ({ chart, sample }: Installation): string =>
  sample ? `${chart} with ${sample}` : chart;
