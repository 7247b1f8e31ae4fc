/**
 * `npm run test:operator`: the tests of the operator that need Kubernetes, against an API server and etcd built from
 * source (five minutes the first time, then cached) and the real Redis, RabbitMQ and PostgreSQL.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { kubeBinaries } from './kube-api/build-binaries.ts';
import { forget } from './servers/forget.ts';
import { serversDown, serversUp } from './servers/servers.ts';
import { defaultFolder, lockFolder, StateFile } from './servers/state.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { TestRun } from './stack/test-run.ts';

const program = new Command('npm run test:operator --')
  .description('Runs the operator’s tests that need a Kubernetes API server.')
  .argument('[jest arguments...]', 'passed to jest: paths, -t name, --verbose, …')
  .option('--yes', 'install missing system packages without asking')
  .allowUnknownOption()
  .addHelpText(
    'after',
    '\nServers named by REDIS_URL, RABBITMQ_URL (with RABBITMQ_MANAGEMENT_URL) and DATABASE_URL are used instead of private ones.',
  )
  .parse();
const { yes = false } = program.opts<{ yes?: boolean }>();

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-operator');
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:operator runs already (process ${release}); two would share its servers`);
  const steps = new Steps();
  const run = new TestRun();
  try {
    await kubeBinaries(steps);
    await forget(folder);
    // The API servers' data and keys: whatever a test that was killed has left is gone with the folder.
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary, { recursive: true });
    const file = StateFile.open(folder);
    try {
      if (!run.interrupted) {
        const { urls } = await serversUp(file, { tell: steps, yes });
        const env = { ...process.env, ...urls, SCRUTIN_DATA: folder, TMPDIR: temporary };
        await run.jest(['--config', 'jest.kubernetes.config.mjs', ...program.args], {
          env,
          folder,
          alone: true,
        });
      }
    } finally {
      await serversDown(file);
    }
    await forget(folder);
  } finally {
    release();
  }
  return run.summary();
}

await runCommand(main);
