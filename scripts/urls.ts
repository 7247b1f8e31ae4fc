import { Command } from 'commander';
import { addresses, addressLines } from './stack/addresses.ts';
import { runCommand } from './stack/steps.ts';
import { findTarget } from './stack/target.ts';

/** `npm run urls`: the addresses of everything. */
const program = new Command('npm run urls --')
  .description('Prints the addresses of everything that npm start runs here.')
  .option('--secrets', 'with user and password, also the election’s own virtual host and database')
  .option('--env', 'as lines for a shell: eval "$(npm run -s urls -- --env)"; holds passwords')
  .option('--json', 'as JSON')
  .parse();
const { secrets, env, json } = program.opts<{ secrets?: boolean; env?: boolean; json?: boolean }>();

await runCommand(async () => {
  const { file, running, urls, servers, electionId } = findTarget();
  if (env) {
    for (const [name, value] of Object.entries({ ELECTION_ID: electionId, ...servers }))
      process.stdout.write(`export ${name}='${value}'\n`);
    return 0;
  }
  const shown = {
    ...(file?.state.ports.ingestion ? addresses(file.state, servers) : {}),
    ...(secrets && urls),
  };
  if (json) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  else process.stdout.write(`${addressLines(shown)}\n`);
  if (!running && !json) process.stderr.write('Nothing of it runs now: npm start.\n');
  return running ? 0 : 1;
});
