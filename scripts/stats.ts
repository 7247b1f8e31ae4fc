import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import pc from 'picocolors';
import { type Numbers, readNumbers } from './stack/live-numbers.ts';
import { wholeNumber } from './stack/run-command.ts';
import { runCommand } from './stack/steps.ts';
import { number, percent, table } from './stack/table.ts';
import { findTarget, requireServers } from './stack/target.ts';

/** `npm run stats`: the election in numbers. */
const program = new Command('npm run stats --')
  .description('Prints queues, counts per law, turnout, outcomes, rates and memory.')
  .option('--json', 'as JSON')
  .option('--watch [seconds]', 'again every so many seconds, until Ctrl-C', wholeNumber(1, 3_600))
  .parse();
const { json, watch } = program.opts<{ json?: boolean; watch?: number | true }>();

const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
const rate = (value: number) => value.toFixed(1);

function show(electionId: string, { queues, tally, eligible, phase, totals, ...rest }: Numbers): string {
  const laws = Object.entries(tally.laws).map(([law, { oui, non }]) => [
    law,
    number(oui),
    percent(oui, oui + non),
    number(non),
    percent(non, oui + non),
    number(oui + non),
    percent(oui + non, eligible),
  ]);
  const lawHeader = ['law', 'oui', 'oui %', 'non', 'non %', 'votes', 'turnout'];
  const queueRows = queues.map((queue) => [
    queue.queue,
    number(queue.ready),
    number(queue.held),
    number(queue.consumers),
    rate(queue.in),
    rate(queue.out),
  ]);
  const queueHeader = ['queue (messages)', 'waiting', 'held', 'consumers', 'in/s', 'out/s'];
  const workers = queues.find(({ queue }) => queue === 'validation_queue')?.consumers ?? 0;
  const lines = [
    ['Workers', number(workers)],
    ['Counted', number(tally.outcomes.aggregated)],
    ['Duplicates', number(tally.outcomes.duplicate)],
    ['Ineligible', number(tally.outcomes.invalid)],
    ['Redelivered', number(totals.votes_redelivered ?? 0)],
    ['Recorded', `${rate(rest.recorded)} votes/s`],
    ['Redis', megabytes(rest.redisBytes)],
    ['Database', megabytes(rest.databaseBytes)],
  ].map(([name, value]) => `  ${name!.padEnd(12)} ${value}`);
  return [
    `${pc.bold(electionId)}  ${phase}, ${number(eligible)} people may vote`,
    '',
    table(lawHeader, laws, lawHeader.slice(1)),
    '',
    table(queueHeader, queueRows, queueHeader.slice(1)),
    '',
    ...lines,
  ].join('\n');
}

await runCommand(async () => {
  const target = findTarget();
  requireServers(target);
  const { urls, electionId } = target;
  for (;;) {
    const numbers = await readNumbers(urls);
    if (json) process.stdout.write(`${JSON.stringify({ electionId, ...numbers })}\n`);
    else {
      if (watch && process.stdout.isTTY) process.stdout.write('\x1b[H\x1b[2J');
      process.stdout.write(`${show(electionId, numbers)}\n`);
    }
    if (!watch) return 0;
    await pause(1_000 * (watch === true ? 2 : watch));
  }
});
