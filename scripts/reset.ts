import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { forget } from './servers/forget.ts';
import { defaultFolder, lockFolder } from './servers/state.ts';
import { runCommand } from './stack/steps.ts';

/** `npm run reset`: throws the data of npm start away. */
const program = new Command('npm run reset --')
  .description(
    'Throws away all data of npm start here: votes, electorate, pepper, servers’ files, logs. There is no way back.',
  )
  .option('--yes', 'do not ask')
  .parse();

await runCommand(async () => {
  const folder = defaultFolder();
  if (!existsSync(folder)) {
    process.stdout.write(`There is nothing in ${folder}.\n`);
    return 0;
  }
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm start runs here (process ${release}); stop it first with Ctrl-C in its terminal`);
  try {
    const { yes } = program.opts<{ yes?: boolean }>();
    if (!yes && process.stdin.isTTY) {
      const reader = createInterface({ input: process.stdin, output: process.stdout });
      const answer = await reader.question(`Throw away all data in ${folder}? [y/N] `);
      reader.close();
      if (!/^\s*y/i.test(answer)) {
        process.stdout.write('Nothing was changed.\n');
        return 1;
      }
    }
    await forget(folder);
    process.stdout.write(`✔ The data in ${folder} are gone. npm start begins anew.\n`);
    return 0;
  } finally {
    release();
  }
});
