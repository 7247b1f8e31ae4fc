/** `npm run test:faults`: breaks everything that can break while votes are cast, and checks what was promised. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { FaultyElection } from '../tests/faults/faulty-election.ts';
import { KINDS } from '../tests/faults/kinds.ts';
import { planRound, type RoundPlan, runRound } from '../tests/faults/round.ts';
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
  .option('--minutes <number>', 'begin no further round after so many minutes', whole)
  .option('--kinds <list>', 'these kinds of fault in every round, separated by commas', kinds)
  .option('--yes', 'install missing system packages without asking')
  .parse();
const options = program.opts<{
  rounds: number;
  seed: number;
  minutes?: number;
  kinds?: string[];
  yes?: boolean;
}>();

/** Rounds share an election: starting one takes longer than a round. Each has electors of its own. */
const ROUNDS_PER_ELECTION = 10;

async function main(): Promise<number> {
  const folder = join(defaultFolder(), 'test-faults');
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  if (typeof release === 'number')
    throw new Error(`npm run test:faults runs already (process ${release}); two would share its servers`);
  let interrupted = false;
  const end = Date.now() + (options.minutes ?? 1e6) * 60_000;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      interrupted = true;
    });
  let passed = 0;
  let failed = 0;
  try {
    const servers = await FaultServers.start(folder, new Steps(), options.yes ?? false);
    try {
      if (!servers.volume)
        process.stdout.write(
          'No volume could be mounted for PostgreSQL (that needs root): it is not filled.\n',
        );
      let done = 0;
      const goesOn = () => done < options.rounds && !interrupted && Date.now() < end;
      while (goesOn()) {
        const rounds = Math.min(ROUNDS_PER_ELECTION, options.rounds - done);
        const faulty = await FaultyElection.start(servers, rounds);
        let problems: string[] = [];
        while (!faulty.usedUp && problems.length === 0 && goesOn()) {
          const plan = planRound(options.seed + done++, options.kinds);
          problems = await round(plan, faulty);
          if (problems.length === 0 && (faulty.usedUp || !goesOn())) problems = await atRest(faulty);
          if (problems.length === 0) passed++;
          else {
            failed++;
            tellProblems(plan, faulty, problems);
          }
        }
        await faulty.stop(problems.length > 0);
      }
      if (done < options.rounds && !interrupted)
        process.stdout.write(`${done} of ${options.rounds} rounds in ${options.minutes} minutes\n`);
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

/** Runs a round and says in a line how it went. Resolves with what is wrong. */
async function round(plan: RoundPlan, faulty: FaultyElection): Promise<string[]> {
  const begun = performance.now();
  const { problems, accepted, refused, unknown, missed, phases } = await runRound(plan, faulty);
  const mark = problems.length === 0 ? pc.green('✔') : pc.red('✖');
  const parts = Object.entries(phases).map(([name, ms]) => `${name} ${seconds(ms)}`);
  const took = pc.dim(`(${seconds(performance.now() - begun)}: ${parts.join(', ')})`);
  const answers = `${accepted} accepted, ${refused} refused, ${unknown} unknown${missed > 0 ? `, ${missed} faults came to nothing` : ''}`;
  process.stdout.write(`${mark} seed ${plan.seed}  ${plan.kinds.join(' + ')}: ${answers} ${took}\n`);
  return problems;
}

/** After the last round of an election nothing is under way any more, and everything is asked for again. */
async function atRest(faulty: FaultyElection): Promise<string[]> {
  const problems = await faulty
    .checkAtRest()
    .catch((error: Error) => [`it did not come to rest: ${error.stack}`]);
  const mark = problems.length === 0 ? pc.green('✔') : pc.red('✖');
  process.stdout.write(
    `${mark} at rest: ${faulty.history.attempts.length} answers agree with the ledger and the API\n`,
  );
  return problems;
}

function tellProblems(plan: RoundPlan, faulty: FaultyElection, problems: readonly string[]): void {
  const { folder } = faulty.election;
  for (const { says } of plan.faults) process.stdout.write(`    ${says}\n`);
  for (const problem of problems) process.stdout.write(`  ${pc.red(problem)}\n`);
  writeFileSync(join(folder, 'history.json'), JSON.stringify({ ...faulty.history, problems }, null, 1));
  process.stdout.write(`  logs and history: ${folder}\n`);
  const kinds = options.kinds ? ` --kinds ${options.kinds.join(',')}` : '';
  process.stdout.write(`  again: npm run test:faults -- --seed ${plan.seed} --rounds 1${kinds}\n`);
}

await runCommand(main);
// A socket that a fault has left in the middle of a write keeps Node's own tidying up waiting for ever.
process.exit();
