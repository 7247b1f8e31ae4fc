import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { backupDatabase } from './stack/database-backup.ts';
import { PostgresTools } from './stack/postgres-tools.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { number } from './stack/table.ts';
import { findTarget } from './stack/target.ts';
import { withServers } from './stack/with-servers.ts';

/** `npm run backup-db [file]`: saves the election's database. */
const program = new Command('npm run backup-db --')
  .description(
    'Saves the election’s database at one consistent moment, also while people vote; reads the file back and writes its SHA-256 beside it.',
  )
  .argument('[file]', 'where to; by default backups/<election>-<time>.dump in the data folder')
  .parse();

await runCommand(async () => {
  const target = findTarget();
  const { urls, servers, electionId, folder, file } = target;
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const path = resolve(program.args[0] ?? join(folder, 'backups', `${electionId}-${time}.dump`));
  const database = decodeURIComponent(new URL(urls.DATABASE_URL).pathname.slice(1));
  await withServers(target, async () => {
    const steps = new Steps();
    const tools = new PostgresTools(servers.DATABASE_URL, file);
    const backup = await steps.step(`Backup of ${database}`, async (detail) => {
      const made = await backupDatabase(tools, database, path);
      detail(`${number(made.bytes)} bytes, read back`);
      return made;
    });
    steps.note(
      `  ${backup.path}\n  SHA-256 ${backup.digest}\n\nTo bring it back: npm run restore-db -- ${backup.path}`,
    );
  });
  return 0;
});
