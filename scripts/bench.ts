/**
 * `npm run bench`: how many votes a second go from the first POST to the last commit, with the check that
 * none is lost or counted twice; beside it, in the same run, the bare pipeline (the yardstick) and what each
 * stage can do alone. The last line is one JSON object.
 */

import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { type BenchOptions, measure } from '../load-tests/bench/measure.ts';
import { printReport, summary } from '../load-tests/bench/report.ts';
import { forget } from './servers/forget.ts';
import { privateServers, serversDown, serversUp } from './servers/servers.ts';
import { defaultFolder, lockFolder, StateFile } from './servers/state.ts';
import { runCommand, Steps } from './stack/steps.ts';

const atLeastOne = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on');
  return value;
};

const options = new Command('npm run bench --')
  .description('Measures the pipeline on private servers of its own (or those that the environment names).')
  .option('--votes <n>', 'votes a round', atLeastOne, 20_000)
  .option('--rounds <n>', 'rounds of each pipeline, in turn', atLeastOne, 3)
  .option('--connections <n>', 'HTTP connections, each with one vote under way', atLeastOne, 256)
  .option('--workers <n>', 'validation workers', atLeastOne, 1)
  .option('--aggregations <n>', 'aggregations', atLeastOne, 1)
  .option('--yes', 'install missing system packages without asking', false)
  .addHelpText('after', '\nExit code 1 if a vote was lost or counted twice; speed alone never fails it.')
  .parse()
  .opts<BenchOptions & { yes: boolean }>();

await runCommand(async () => {
  const folder = join(defaultFolder(), 'bench');
  const release = lockFolder(folder);
  if (typeof release === 'number') throw new Error(`npm run bench runs already (process ${release})`);
  const steps = new Steps(process.stderr);
  try {
    if (privateServers().length > 0) await forget(folder);
    const file = StateFile.open(folder);
    try {
      const { urls } = await serversUp(file, { tell: steps, yes: options.yes });
      const measured = await measure(urls, options, steps);
      printReport(measured, options);
      const { lost, countedTwice } = summary(measured, options);
      if (lost + countedTwice === 0) return 0;
      process.stderr.write(pc.red('✖ accepted and counted differ\n'));
      return 1;
    } finally {
      await serversDown(file);
    }
  } finally {
    release();
  }
});
