/** `npm run test:faults`: breaks everything that can break while votes are cast, and checks what was promised. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { KINDS } from '../tests/faults/kinds.ts';
import { planRound, type RoundOutcome, type RoundPlan, runRound } from '../tests/faults/round.ts';
import { FaultServers } from '../tests/faults/servers.ts';
import { defaultFolder, lockFolder } from './servers/state.ts';
import { runCommand, Steps, seconds } from './stack/steps.ts';

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
};
const kinds = (text: string): string[] => {
  const names = text.split(',');
  for (const name of names)
    if (!Object.hasOwn(KINDS, name))
      throw new InvalidArgumentError(`no such kind; there are ${Object.keys(KINDS).join(', ')}`);
  return names;
};

const program = new Command('npm run test:faults --')
  .description('Breaks what can break while votes are cast, and checks that every promise holds.')
  .option('--rounds <number>', 'rounds, each with the next seed', whole, Object.keys(KINDS).length)
  .option('--seed <number>', 'seed of the first round', whole, 0)
  .option('--kinds <list>', 'these kinds of fault in every round, separated by commas', kinds)
  .option('--yes', 'install missing system packages without asking')
  .parse();
const options = program.opts<{ rounds: number; seed: number; kinds?: string[]; yes?: boolean }>();

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-faults');
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:faults runs already (process ${release}); two would share its servers`);
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      interrupted = true;
    });
  let passed = 0;
  let failed = 0;
  try {
    const servers = await FaultServers.start(folder, new Steps(), options.yes ?? false);
    try {
      for (let i = 0; i < options.rounds && !interrupted; i++) {
        if (await round(planRound(options.seed + i, options.kinds), servers)) passed++;
        else failed++;
      }
    } finally {
      await servers.stop();
    }
  } finally {
    release();
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  if (interrupted) return 130;
  return failed === 0 ? 0 : 1;
}

async function round(plan: RoundPlan, servers: FaultServers): Promise<boolean> {
  const begun = performance.now();
  const { problems, history, folder } = await runRound(plan, servers).catch(brokenOff);
  const of = (outcome: string) => history.attempts.filter((attempt) => attempt.outcome === outcome).length;
  const mark = problems.length === 0 ? pc.green('✔') : pc.red('✖');
  const took = pc.dim(`(${seconds(performance.now() - begun)})`);
  const answers = `${of('accepted')} accepted, ${of('refused')} refused, ${of('unknown')} unknown`;
  process.stdout.write(`${mark} seed ${plan.seed}  ${plan.kinds.join(' + ')}: ${answers} ${took}\n`);
  if (problems.length === 0) return true;
  for (const { says } of plan.faults) process.stdout.write(`    ${says}\n`);
  for (const problem of problems) process.stdout.write(`  ${pc.red(problem)}\n`);
  writeFileSync(join(folder, 'history.json'), JSON.stringify({ ...history, problems }, null, 1));
  process.stdout.write(`  logs and history: ${folder}\n`);
  const again = options.kinds ? ` --kinds ${options.kinds.join(',')}` : '';
  process.stdout.write(`  again: npm run test:faults -- --seed ${plan.seed} --rounds 1${again}\n`);
  return false;
}

/** The round could not be run to its end: its election did not start, or could not be removed. */
const brokenOff = (error: Error): RoundOutcome => ({
  problems: [`the round broke off: ${error.stack}`],
  history: { attempts: [], statuses: [], counts: [] },
  folder: mkdtempSync(join(tmpdir(), 'scrutin-round-')),
});

await runCommand(main);
