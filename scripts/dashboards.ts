import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DASHBOARDS, dashboardJson } from '../monitoring/dashboards/all.ts';
import { runWhenCalled } from './run-when-called.ts';

/** Where the chart and every Grafana that is provisioned find the dashboards. */
const FOLDER = fileURLToPath(new URL('../charts/scrutin/files/dashboards', import.meta.url));

const HELP = `Usage: npm run dashboards

Writes charts/scrutin/files/dashboards/*.json anew from monitoring/dashboards/*.ts.
`;

runWhenCalled(import.meta, async (args) => {
  if (args.length > 0) {
    const help = args[0] === '--help' || args[0] === '-h';
    (help ? process.stdout : process.stderr).write(HELP);
    return help ? 0 : 2;
  }
  mkdirSync(FOLDER, { recursive: true });
  for (const name of globSync('*.json', { cwd: FOLDER })) rmSync(join(FOLDER, name));
  for (const [name, dashboard] of Object.entries(DASHBOARDS))
    writeFileSync(join(FOLDER, `${name}.json`), dashboardJson(dashboard));
  process.stdout.write(`✔ ${Object.keys(DASHBOARDS).length} dashboards in charts/scrutin/files/dashboards\n`);
  return 0;
});
