import { resolve } from 'node:path';
import { Electorate } from '@scrutin/operator/electorate/electorate.ts';
import { Ledger } from '@scrutin/operator/ledger/ledger.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { Command } from 'commander';
import { restoreDatabase, sessionsIn } from './stack/database-backup.ts';
import { PostgresTools } from './stack/postgres-tools.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { number } from './stack/table.ts';
import { findTarget, type Target } from './stack/target.ts';
import { withServers } from './stack/with-servers.ts';

/** `npm run restore-db file`: brings a saved database back. */
const program = new Command('npm run restore-db --')
  .description(
    'Brings a saved database back: restored beside the present one, checked, then put in its place. The present one is kept under another name.',
  )
  .argument('<file>', 'made by npm run backup-db')
  .option('--force', 'also while the election runs: votes counted since the backup are then out of the tally')
  .parse();

/** The filter's marks of who has voted must say what the restored ledger says, or those would be kept out. */
async function rebuildMarks({ urls, electionId }: Target): Promise<string> {
  const log = createLog({ stage: 'restore', level: 'silent' });
  const redis = connectRedis({ url: urls.REDIS_URL, log });
  const ledger = new Ledger(
    connectPostgres({ url: urls.DATABASE_URL, name: 'scrutin restore', max: 1, log }),
  );
  try {
    await redisReady(redis);
    const electorate = new Electorate(redis, electionId);
    if ((await electorate.state()).state !== 'ready') return 'no electorate; the operator loads it';
    await electorate.doubtMarks();
    const rebuilt = await electorate.followLedger(await ledger.identity(), () => ledger.participants());
    return `${number(rebuilt?.before ?? 0)} before, ${number(rebuilt?.after ?? 0)} are in the tally`;
  } finally {
    redis.disconnect();
    await ledger.end();
  }
}

await runCommand(async () => {
  const target = findTarget();
  const { force } = program.opts<{ force?: boolean }>();
  const path = resolve(program.args[0]!);
  const { servers, urls, file, running } = target;
  const database = decodeURIComponent(new URL(urls.DATABASE_URL).pathname.slice(1));
  if (running && !force)
    throw new Error(
      'The election runs here. Stop it first (Ctrl-C in the terminal of npm start); --force restores all the same.',
    );
  await withServers(target, async () => {
    const sessions = await sessionsIn(servers.DATABASE_URL, database);
    if (sessions > 0 && !force)
      throw new Error(
        `${sessions} sessions work with ${database}. Stop the stages first; --force cuts them off.`,
      );
    const steps = new Steps();
    const restored = await steps.step(`Restore of ${database}`, async (detail) => {
      const done = await restoreDatabase(
        new PostgresTools(servers.DATABASE_URL, file),
        servers.DATABASE_URL,
        database,
        path,
      );
      detail(`checked; checksum ${done.checksum}`);
      return done;
    });
    for (const { lawId, oui, non, total } of restored.counts)
      steps.note(`  ${lawId}: ${number(total)} votes, ${number(oui)} oui, ${number(non)} non`);
    await steps.step('Voted marks in Redis', async (detail) => detail(await rebuildMarks(target)));
    if (restored.before) steps.note(`\nWhat was there before is kept as the database ${restored.before}.`);
  });
  return 0;
});
