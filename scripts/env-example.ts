import { globSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '@scrutin/shared/config.ts';
import { runWhenCalled } from './run-when-called.ts';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every table of settings: a `config.ts` of a stage or of the operator. */
const TABLES = ['services/*/src/config.ts', 'operator/src/**/config.ts'];

const HEADER = `# Every setting of every process, with its default: made by scripts/env-example.ts from the tables that the
# processes read (config.ts), and a test keeps it so. Nothing here has to be set for "npm start".
#
# A process reads its environment once, at its start:  node --env-file=.env services/ingestion/src/main.ts
# NAME_FILE, the path of a file that holds the value, may be given in place of NAME (secrets in containers).
`;

/** What the commands (npm run …) read beside the settings of the processes. */
const COMMANDS = `
# == Commands (npm run ...)

# Folder of the private servers' data and of the state of "npm start"
#SCRUTIN_DATA=.scrutin

# Any value: a command that fails prints its stack too
#DEBUG=
`;

interface Table {
  /** `ingestion`, `operator (local)`. */
  process: string;
  settings: Settings;
}

/** The tables of all processes, in the order of their paths. The shared table is not one: it names no process. */
export async function settingsTables(): Promise<Table[]> {
  const paths = globSync(TABLES, { cwd: PROJECT }).sort();
  const tables: Table[] = [];
  for (const path of paths) {
    const { settings } = (await import(join(PROJECT, path))) as { settings?: Settings };
    const parts = path.split(sep);
    // services/<stage>/src/config.ts, or operator/src/<where it runs>/config.ts.
    const process = parts[0] === 'services' ? parts[1]! : `${parts[0]} (${parts[2]})`;
    if (settings) tables.push({ process, settings });
  }
  return tables;
}

/** The text of `.env.example`: settings that several processes share once, then those of each. */
export function envExample(tables: readonly Table[]): string {
  const all = tables.flatMap(({ settings }) => Object.entries(settings));
  const isShared = (name: string, schema: unknown) =>
    all.filter(([otherName, other]) => otherName === name && other === schema).length > 1;
  const shared = new Map(all.filter(([name, schema]) => isShared(name, schema)));
  const sections = [section('All processes, or several', Object.fromEntries(shared))];
  for (const { process, settings } of tables) {
    const own = Object.entries(settings).filter(([name, schema]) => !isShared(name, schema));
    sections.push(section(process, Object.fromEntries(own)));
  }
  return `${HEADER}${sections.join('')}${COMMANDS}`;
}

function section(title: string, settings: Settings): string {
  const lines = Object.entries(settings).map(([name, schema]) => {
    const initial = schema.safeParse(undefined);
    const value = initial.success && initial.data !== undefined ? String(initial.data) : '';
    return `\n# ${schema.description ?? name}\n#${name}=${value}\n`;
  });
  return `\n# == ${title}\n${lines.join('')}`;
}

runWhenCalled(import.meta, async () => {
  writeFileSync(join(PROJECT, '.env.example'), envExample(await settingsTables()));
  process.stdout.write('.env.example is written\n');
  return 0;
});
