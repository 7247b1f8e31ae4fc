/** Makes what follows from the code and the charts' values.yaml: `node scripts/values-schema.ts`; a test keeps it so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CRD_FILE } from '@scrutin/operator/kubernetes/crd-file.ts';
import { commonSettings } from '@scrutin/shared/config.ts';
import { tracingSettings } from '@scrutin/shared/tracing.ts';
import { type ChartValue, chartValues } from './charts/values-file.ts';
import { type SettingsPaths, valuesSchema } from './charts/values-schema.ts';
import { valuesTable, withTable } from './charts/values-table.ts';
import { settingsTables } from './env-example.ts';
import { runWhenCalled } from './run-when-called.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
export const CHARTS = ['scrutin', 'scrutin-operator'] as const;
const DOCUMENT = 'docs/charts.md';

export const valuesOf = (chart: string): ChartValue[] =>
  chartValues(readFileSync(join(PROJECT, 'charts', chart, 'values.yaml'), 'utf8'));

/** Files that are made, relative to the project → their text. */
export async function madeFiles(): Promise<Map<string, string>> {
  const tables = await settingsTables();
  const table = (name: string) => tables.find(({ process }) => process === name)!.settings;
  const settings: Record<(typeof CHARTS)[number], SettingsPaths> = {
    scrutin: {
      settings: { ...commonSettings, ...tracingSettings },
      ...Object.fromEntries(
        ['ingestion', 'validation', 'aggregation', 'results'].map((stage) => [
          `stages.${stage}.settings`,
          table(stage),
        ]),
      ),
    },
    'scrutin-operator': { settings: table('operator (kubernetes)') },
  };
  const files = new Map<string, string>();
  let document = readFileSync(join(PROJECT, DOCUMENT), 'utf8');
  for (const chart of CHARTS) {
    const values = valuesOf(chart);
    const schema = valuesSchema(`Values of the chart ${chart}`, values, settings[chart]);
    files.set(`charts/${chart}/values.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
    document = withTable(document, chart, valuesTable(values));
  }
  files.set(DOCUMENT, document);
  files.set('charts/scrutin-operator/files/elections.scrutin.dev.yaml', readFileSync(CRD_FILE, 'utf8'));
  return files;
}

runWhenCalled(import.meta, async () => {
  for (const [path, text] of await madeFiles()) {
    writeFileSync(join(PROJECT, path), text);
    process.stdout.write(`${path} is written\n`);
  }
  return 0;
});
