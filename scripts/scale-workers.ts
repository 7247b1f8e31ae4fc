import { Command } from 'commander';
import { defaultFolder } from './servers/state.ts';
import { askControl } from './stack/control.ts';
import { wholeNumber } from './stack/run-command.ts';
import { runCommand } from './stack/steps.ts';

/** `npm run scale-workers N`: asks the running npm start for N validation workers. */
const program = new Command('npm run scale-workers --')
  .description(
    'Sets the number of validation workers of the npm start that runs here; workers that go finish their batch first.',
  )
  .argument('<workers>', 'how many, 0 to 64; at 0 votes wait in the queue', wholeNumber(0, 64))
  .parse();

await runCommand(async () => {
  const workers = program.processedArgs[0] as number;
  const answer = await askControl(defaultFolder(), { command: 'scale-workers', workers });
  if (!answer.ok) throw new Error(answer.message);
  process.stdout.write(`✔ ${answer.message}\n`);
  return 0;
});
