/**
 * `npm test`: types, style, and every test that needs no Kubernetes, with real servers. The servers are
 * started if the environment doesn't name any, in a data folder of the tests' own, and stopped afterwards.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import { provideMonitors } from './monitoring/provide-monitors.ts';
import { forget } from './servers/forget.ts';
import { serversDown, serversUp } from './servers/servers.ts';
import { defaultFolder, lockFolder, StateFile } from './servers/state.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { TestRun } from './stack/test-run.ts';

const program = new Command('npm test --')
  .description('Checks types and style and runs every test that needs no Kubernetes.')
  .argument('[jest arguments...]', 'passed to jest: paths, -t name, --runInBand, …')
  .option('--yes', 'install missing system packages without asking')
  .option('--only-tests', 'leave out types and style')
  .allowUnknownOption()
  .addHelpText(
    'after',
    '\nServers named by REDIS_URL, RABBITMQ_URL (with RABBITMQ_MANAGEMENT_URL) and DATABASE_URL are used instead of private ones.',
  )
  .parse();
const { yes = false, onlyTests = false } = program.opts<{ yes?: boolean; onlyTests?: boolean }>();

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test');
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm test runs already (process ${release}); two at once would share its servers`);
  const steps = new Steps();
  const run = new TestRun();
  try {
    if (!onlyTests) {
      await run.check('types', 'typescript/bin/tsc', ['--noEmit']);
      await run.check('style', '@biomejs/biome/bin/biome', ['check', '.']);
    }
    // Every run begins with empty servers; a run that was killed may have left databases and processes.
    await forget(folder);
    const file = StateFile.open(folder);
    try {
      if (!run.interrupted) {
        const { urls } = await serversUp(file, { tell: steps, yes });
        await provideMonitors({ tell: steps, yes });
        await run.jest(program.args, { env: { ...process.env, ...urls, SCRUTIN_DATA: folder }, folder });
      }
    } finally {
      await serversDown(file);
    }
  } finally {
    release();
  }
  return run.summary();
}

await runCommand(main);
