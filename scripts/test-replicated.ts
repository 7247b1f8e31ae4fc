/** `npm run test:replicated`: the pipeline on replicated servers, of which one node after another is lost. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { defaultFolder, lockFolder } from './servers/state.ts';
import { runCommand } from './stack/steps.ts';
import { TestRun } from './stack/test-run.ts';

const program = new Command('npm run test:replicated --')
  .description(
    'Runs the pipeline on three RabbitMQ, six Redis and two PostgreSQL nodes, and loses one of each.',
  )
  .argument('[jest arguments...]', 'passed to jest: paths, -t name, --verbose, …')
  .allowUnknownOption()
  .addHelpText(
    'after',
    '\nThe servers’ programs must be installed (npm start does that). REBUILD_VOTERS=1000000 times a large rebuild.',
  )
  .parse();

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-replicated');
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:replicated runs already (process ${release})`);
  const run = new TestRun();
  try {
    await run.jest(['--config', 'jest.replicated.config.mjs', ...program.args], {
      env: { ...process.env, SCRUTIN_DATA: folder },
      folder,
      alone: true,
    });
  } finally {
    release();
  }
  return run.summary();
}

await runCommand(main);
