import { existsSync, readdirSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { defaultFolder } from './servers/state.ts';
import { followLogs, formatLine, lastLinesOf } from './stack/log-lines.ts';
import { wholeNumber } from './stack/run-command.ts';
import { runCommand } from './stack/steps.ts';

/** `npm run logs [stage]`: the logs of the stages and servers. */
const program = new Command('npm run logs --')
  .description('Shows the logs of the stages; one by name also a server’s.')
  .argument(
    '[name]',
    'ingestion, validation (all workers), validation-1, aggregation, results, operator, redis, rabbitmq, postgres',
  )
  .option('-n, --lines <n>', 'lines of each to begin with', wholeNumber(0, 1_000_000), 20)
  .option('-f, --follow', 'go on showing what is added, until Ctrl-C')
  .option('--json', 'the lines as they are')
  .parse();
const { lines, follow, json } = program.opts<{ lines: number; follow?: boolean; json?: boolean }>();

const SERVERS = ['redis', 'rabbitmq', 'postgres', 'epmd'];

await runCommand(async () => {
  const folder = `${defaultFolder()}/logs`;
  const all = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.log'))
        .map((name) => name.slice(0, -'.log'.length))
        .sort()
    : [];
  const [wanted] = program.args;
  const names = wanted
    ? all.filter((name) => name === wanted || name.startsWith(`${wanted}-`))
    : all.filter((name) => !SERVERS.includes(name));
  if (names.length === 0)
    throw new Error(
      all.length === 0
        ? `there are no logs in ${folder}`
        : `no log of ${wanted}; there are: ${all.join(', ')}`,
    );
  process.stdout.on('error', () => process.exit(0));
  const width = Math.max(...names.map((name) => name.length));
  const show = (name: string, line: string) =>
    process.stdout.write(
      `${names.length > 1 ? `${pc.dim(name.padEnd(width))} ` : ''}${json ? line : formatLine(line)}\n`,
    );
  const path = (name: string) => `${folder}/${name}.log`;
  const recent = names.flatMap((name) => lastLinesOf(path(name), lines).map((line) => ({ name, line })));
  // Of several logs the lines are put in order of time; those without one stay where they are.
  if (names.length > 1) recent.sort((a, b) => timeOf(a.line).localeCompare(timeOf(b.line)));
  for (const { name, line } of recent) show(name, line);
  if (follow)
    await followLogs(
      names.map((name) => ({ name, path: path(name) })),
      show,
    );
  return 0;
});

function timeOf(line: string): string {
  return /"time":"([^"]+)"/.exec(line)?.[1] ?? '';
}
