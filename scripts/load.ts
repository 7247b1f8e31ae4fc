/**
 * `npm run load -- <scenario>`: k6 offers votes to the pipeline; afterwards every count must be exactly what was
 * accepted. Without a target it starts private servers and the pipeline, and removes them in the end.
 */
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { SCENARIOS, type Scenario, type ScenarioName } from '../load-tests/k6/scenarios.ts';
import { miscounted } from '../load-tests/run/check-counts.ts';
import { keepApart } from '../load-tests/run/cores.ts';
import { givenSystem } from '../load-tests/run/given-system.ts';
import { loadInCluster, OFFICIAL_IMAGE } from '../load-tests/run/in-cluster.ts';
import { k6Program } from '../load-tests/run/k6-program.ts';
import { overload } from '../load-tests/run/overload.ts';
import { type LoadedSystem, startOwnSystem } from '../load-tests/run/own-system.ts';
import { memoryTable, stepTable } from '../load-tests/run/report.ts';
import { type LoadResult, runLoad } from '../load-tests/run/run-load.ts';
import { chooseCluster } from './cluster/choose.ts';
import { forget } from './servers/forget.ts';
import { privateServers, serversDown, serversUp } from './servers/servers.ts';
import { defaultFolder, lockFolder, StateFile } from './servers/state.ts';
import { wholeNumber } from './stack/run-command.ts';
import { runCommand, Steps } from './stack/steps.ts';

const collect = (text: string, before: Record<string, string>): Record<string, string> => {
  const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('must be NAME=value');
  return { ...before, [name]: value! };
};
const names = Object.keys(SCENARIOS) as ScenarioName[];
const program = new Command('npm run load --')
  .description('Sends a load of votes with k6 and checks that exactly what was accepted is counted.')
  .addArgument(new Argument('<scenario>', 'what to offer').choices(names))
  .option(
    '--rate <n>',
    'iterations a second at the height; each scenario has its own',
    wholeNumber(1, 100_000),
  )
  .option('--seconds <n>', 'length; each scenario has its own', wholeNumber(1, 86_400))
  .option('--workers <n>', 'validation workers of the own pipeline', wholeNumber(1, 64), 2)
  .option('--aggregations <n>', 'aggregations of the own pipeline', wholeNumber(1, 16), 1)
  .option(
    '--target <url>',
    'ingestion of a system that runs, instead of an own one; with --results, --roll, --laws',
  )
  .option('--results <url>', 'results of that system')
  .option('--roll <file>', 'roll of its electorate: a CSV with nas and code (generate-hashes --roll)')
  .option('--laws <ids>', 'its laws, separated by commas; each elector votes on each of them')
  .option('--database <url>', 'its election’s database, to check the counts there and not by the results')
  .option('--set <NAME=value>', 'a setting of the own pipeline’s stages; may be repeated', collect, {})
  .option(
    '--apart',
    'half of the cores for the own pipeline and its servers, the others for k6; so by default for overload',
  )
  .option('--no-apart', 'all cores for both')
  .option('--connect-anew', 'overload: a connection of its own for each vote, as without an ingress', false)
  .option('--in-cluster', 'run k6 as a Job on a cluster, beside the election; with --election, --roll', false)
  .option(
    '--context',
    'that of kubectl’s current context; otherwise the one that npm run cluster uses',
    false,
  )
  .option('--namespace <name>', 'the election’s namespace there; by default named as the election')
  .option('--election <name>', 'name of the Election and of its release')
  .option(
    '--image <name>',
    `image of k6; by default ${OFFICIAL_IMAGE}, or on a local cluster one that is made`,
  )
  .option(
    '--first <n>',
    'number of the first vote: those before were cast by earlier loads',
    wholeNumber(0, 1e9),
    0,
  )
  .option('--drain <n>', 'seconds that counting may take after the load', wholeNumber(1, 86_400), 120)
  .option('--yes', 'install missing system packages without asking', false)
  .addHelpText(
    'after',
    `\nScenarios:\n${names.map((name) => `  ${name.padEnd(11)} ${SCENARIOS[name].does} (${SCENARIOS[name].rate}/s${SCENARIOS[name].seconds ? `, ${SCENARIOS[name].seconds} s` : ''})`).join('\n')}\n\nExit code 1 if a count differs from what was accepted or a threshold was crossed.`,
  )
  .parse();
const options = program.opts<{
  rate?: number;
  seconds?: number;
  workers: number;
  aggregations: number;
  target?: string;
  results?: string;
  roll?: string;
  laws?: string;
  database?: string;
  inCluster: boolean;
  context: boolean;
  namespace?: string;
  election?: string;
  image?: string;
  first: number;
  drain: number;
  apart?: boolean;
  connectAnew: boolean;
  set: Record<string, string>;
  yes: boolean;
}>();
const name = program.args[0] as ScenarioName;
const scenario: Scenario = SCENARIOS[name];
const size = { rate: options.rate ?? scenario.rate, seconds: options.seconds ?? scenario.seconds };
const OWN_LAWS = 2;

/** An overload is a ramp of its own, and then at most twice the ramp's height. */
const votesNeeded = () =>
  name === 'overload'
    ? SCENARIOS.breaking.votes(size) + 2 * SCENARIOS.overload.votes(size)
    : scenario.votes(size);

async function loadSystem(
  { k6, k6Cores }: { k6: string; k6Cores?: string },
  system: LoadedSystem,
  folder: string,
  steps: Steps,
): Promise<number> {
  const shared = { k6, k6Cores, system, folder, show: true, drainSeconds: options.drain };
  if (name === 'overload') {
    const { first, connectAnew } = options;
    return overload({ ...shared, size, first, steps, connectAnew });
  }
  const result = await runLoad({ ...shared, scenario: name, size, first: options.first, label: name });
  return report(result, system.laws, system.outcomesKnown, folder);
}

async function loadCluster(folder: string, steps: Steps): Promise<number> {
  const { election, roll, namespace = election, image } = options;
  if (!election || !namespace || !roll) throw new Error('A load in a cluster needs --election and --roll');
  if (name === 'overload')
    throw new Error('overload measures one machine; in a cluster use "breaking" and "spike"');
  const result = await loadInCluster({
    ...{ election, namespace, roll, folder, steps, size },
    cluster: await chooseCluster({ context: options.context }),
    image: image ?? (options.context ? OFFICIAL_IMAGE : undefined),
    scenario: name,
    votes: scenario.votes(size) + 2,
    first: options.first,
    drainSeconds: options.drain,
  });
  return report(result, result.laws, false, folder);
}

/** Prints what came of a load; resolves with the exit code. */
function report(result: LoadResult, laws: readonly string[], outcomesKnown: boolean, folder: string): number {
  const { summary } = result;
  const rates = scenario.steps?.(size);
  if (rates) process.stdout.write(`\n${stepTable(rates, summary)}\n`);
  if (Object.keys(result.memory).length > 0) process.stdout.write(`\n${memoryTable(result.memory)}\n`);
  const wrong = miscounted(summary, laws, result.before, result.after, outcomesKnown);
  for (const line of wrong) process.stdout.write(`${pc.red('✖')} ${line}\n`);
  for (const line of summary.crossed()) process.stdout.write(`${pc.red('✖')} threshold crossed: ${line}\n`);
  if (wrong.length === 0)
    process.stdout.write(
      `${pc.green('✔')} ${summary.count('accepted_requests')} votes were accepted, every count is exact (${result.drained.toFixed(1)} s after the last answer)\n`,
    );
  process.stdout.write(`  ${join(folder, `${name}.txt`)}, ${name}.json: k6’s summary\n`);
  if (options.target || options.inCluster)
    process.stdout.write(
      `  the next load on this election: --first ${options.first + scenario.votes(size) + 2}\n`,
    );
  return wrong.length > 0 || summary.crossed().length > 0 || result.code !== 0 ? 1 : 0;
}

await runCommand(async () => {
  const folder = join(defaultFolder(), 'load');
  const release = lockFolder(folder);
  if (typeof release === 'number') throw new Error(`npm run load runs already (process ${release})`);
  const steps = new Steps();
  try {
    const summaries = join(folder, 'summaries');
    if (options.inCluster) return await loadCluster(summaries, steps);
    const k6 = await k6Program(steps);
    if (options.target) {
      const system = await givenSystem(options);
      try {
        return await loadSystem({ k6 }, system, summaries, steps);
      } finally {
        await system.stop();
      }
    }
    const cores = (options.apart ?? name === 'overload') ? keepApart() : undefined;
    if (privateServers().length > 0) await forget(folder, ['lock.json', 'summaries']);
    const file = StateFile.open(folder);
    try {
      const { urls } = await serversUp(file, { tell: steps, yes: options.yes });
      const voters = Math.ceil((votesNeeded() + options.first) / OWN_LAWS) + 10;
      const system = await steps.step(`The pipeline, ${voters.toLocaleString('en')} voters`, () =>
        startOwnSystem(urls, {
          voters,
          workers: options.workers,
          aggregations: options.aggregations,
          env: options.set,
          servers: Object.fromEntries(
            privateServers().flatMap((server) => {
              const pid = file.running(server)?.pid;
              return pid === undefined ? [] : [[server, pid]];
            }),
          ),
        }),
      );
      try {
        return await loadSystem({ k6, ...(cores && { k6Cores: cores.generator }) }, system, summaries, steps);
      } finally {
        await system.stop();
      }
    } finally {
      await serversDown(file);
    }
  } finally {
    release();
  }
});
