/** `npm run test:replicated`: the pipeline on replicated servers, of which one node after another is lost. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { defaultFolder, lockFolder } from './servers/state.ts';
import { runCommand } from './stack/steps.ts';
import { TestRun } from './stack/test-run.ts';

const positive = (text: string): number => {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes < 10_000)) throw new InvalidArgumentError('must be a positive number');
  return minutes;
};

const program = new Command('npm run test:replicated --')
  .description(
    'Runs the pipeline on three RabbitMQ, six Redis and two PostgreSQL nodes, and loses one of each.',
  )
  .argument('[jest arguments...]', 'passed to jest: paths, -t name, --verbose, …')
  .option('--minutes <number>', 'a run that takes longer is ended, and has failed', positive, 15)
  .allowUnknownOption()
  .addHelpText(
    'after',
    '\nThe servers’ programs must be installed (npm start does that). REBUILD_VOTERS=1000000 times a large rebuild.',
  )
  .parse();
const { minutes } = program.opts<{ minutes: number }>();

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-replicated');
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:replicated runs already (process ${release})`);
  const run = new TestRun();
  // All that servers and stages write lies below; PostgreSQL runs as another user where we are root.
  const files = mkdtempSync(join(tmpdir(), 'scrutin-replicated-'));
  chmodSync(files, 0o755);
  const progress = join(files, 'progress');
  let code: number | undefined;
  try {
    await run.jest(['--config', 'jest.replicated.config.mjs', ...program.args], {
      env: { ...process.env, SCRUTIN_DATA: folder, TMPDIR: files, PROGRESS_FILE: progress },
      folder,
      alone: true,
      limit: { ms: minutes * 60_000, onPassed: () => tellWhereItWas(progress) },
    });
    code = run.summary();
  } finally {
    if (code === 0) rmSync(files, { recursive: true, force: true });
    else tellLogs(files);
    release();
  }
  return code;
}

function tellWhereItWas(progress: string): void {
  let doing = 'nothing, before its first test';
  try {
    doing = readFileSync(progress, 'utf8');
  } catch {}
  process.stderr.write(
    `${pc.red('✖')} not done within ${minutes} minutes; all that was started is ended. It was at: ${doing}\n`,
  );
}

/** What a failure can be understood from. */
function tellLogs(files: string): void {
  process.stdout.write(`Logs of servers and stages, kept until ${files} is removed:\n`);
  const logs = readdirSync(files, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(?:^|[/.])log$/.test(path),
  );
  for (const path of logs.sort()) process.stdout.write(`  ${join(files, path)}\n`);
}

await runCommand(main);
