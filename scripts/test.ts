/**
 * `npm test`: types, style, and every test that needs no Kubernetes, with real servers. The servers are
 * started if the environment doesn't name any, in a data folder of the tests' own, and stopped afterwards.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { forget } from './servers/forget.ts';
import { serversDown, serversUp } from './servers/servers.ts';
import { defaultFolder, lockFolder, projectFolder, StateFile } from './servers/state.ts';
import { runCommand, Steps, seconds } from './stack/steps.ts';

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

interface Part {
  name: string;
  passed: number;
  failed: number;
  ms: number;
}

const bin = (name: string) => join(projectFolder, 'node_modules', '.bin', name);

/** The child that runs now gets the signals; this process waits, so that the servers are stopped. */
let current: ReturnType<typeof spawn> | undefined;
let interrupted = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    interrupted ||= signal === 'SIGINT' ? 130 : 143;
    current?.kill('SIGTERM');
  });

function run(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  if (interrupted) return Promise.resolve(interrupted);
  return new Promise((resolve, reject) => {
    current = spawn(bin('node'), args, { cwd: projectFolder, stdio: 'inherit', env });
    current.once('error', reject);
    current.once('close', (code) => {
      current = undefined;
      resolve(code ?? 1);
    });
  });
}

async function check(name: string, script: string, args: string[]): Promise<Part> {
  const begun = Date.now();
  const code = await run([join(projectFolder, 'node_modules', script), ...args]);
  return { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, ms: Date.now() - begun };
}

async function tests(env: NodeJS.ProcessEnv, folder: string): Promise<Part> {
  const begun = Date.now();
  const report = join(folder, `jest-${process.pid}.json`);
  const code = await run(
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(projectFolder, 'node_modules/jest/bin/jest.js'),
      ...['--json', `--outputFile=${report}`, '--testLocationInResults=false'],
      ...program.args,
    ],
    env,
  );
  const part: Part = { name: 'tests', passed: 0, failed: 0, ms: Date.now() - begun };
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    ) as Record<string, number>;
    part.passed = numPassedTests!;
    part.failed = numFailedTests! + numRuntimeErrorTestSuites!;
  } catch {}
  // Whatever jest counted: what ended badly did not pass.
  if (code !== 0 && part.failed === 0) part.failed = 1;
  rmSync(report, { force: true });
  return part;
}

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test');
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm test runs already (process ${release}); two at once would share its servers`);
  const steps = new Steps();
  const parts: Part[] = [];
  try {
    if (!onlyTests) {
      parts.push(await check('types', 'typescript/bin/tsc', ['--noEmit']));
      parts.push(await check('style', '@biomejs/biome/bin/biome', ['check', '.']));
    }
    // Every run begins with empty servers; a run that was killed may have left databases and processes.
    await forget(folder);
    const file = StateFile.open(folder);
    try {
      if (!interrupted) {
        const { urls } = await serversUp(file, { tell: steps, yes });
        parts.push(await tests({ ...process.env, ...urls, SCRUTIN_DATA: folder }, folder));
      }
    } finally {
      await serversDown(file);
    }
  } finally {
    release();
  }
  for (const { name, passed, failed, ms } of parts)
    process.stdout.write(
      `${failed ? pc.red('✖') : pc.green('✔')} ${name}: ${passed} passed, ${failed} failed ${pc.dim(`(${seconds(ms)})`)}\n`,
    );
  if (interrupted) return interrupted;
  const failed = parts.reduce((sum, part) => sum + part.failed, 0);
  const passed = parts.reduce((sum, part) => sum + part.passed, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

await runCommand(main);
