import pc from 'picocolors';
import type { Ports } from '../../operator/src/reconcile/ports.ts';
import type { Reconciled } from '../../operator/src/reconcile/reconcile.ts';
import type { Steps } from '../stack/steps.ts';
import { number, percent, table } from '../stack/table.ts';
import { SKIPPED } from './skipping.ts';

/** Checks what was prepared, a step each. Resolves with what is wrong, a line each. */
export async function check(
  ports: Ports,
  electionId: string,
  steps: Steps,
  skip: { hashes: boolean; rabbitmq: boolean },
): Promise<string[]> {
  const problems: string[] = [];
  const ask = (name: string, work: () => Promise<string>) =>
    steps
      .step(name, async (detail) => detail(await work()))
      .catch((error: Error) => problems.push(`${name}: ${error.message}`));
  await ask('Schema and tally add up', async () => {
    const { ok, problems: found } = await ports.ledger.invariants();
    if (!ok) throw new Error(found.join('; '));
    return '';
  });
  if (!skip.rabbitmq)
    await ask('Queues answer', async () => {
      const depths = Object.entries(await ports.broker.depths(electionId));
      return depths
        .map(([queue, { ready, unacknowledged }]) => `${queue} ${ready + unacknowledged}`)
        .join(', ');
    });
  if (!skip.hashes)
    await ask('Every voter is in Redis', async () => {
      const sound = await ports.electorate.sound();
      if (!sound) throw new Error('the electorate is not complete');
      return number(sound.unique);
    });
  return problems;
}

/** Prints what is there and what was done. */
export function printStatistics(
  { status, events }: Reconciled,
  counts: readonly { lawId: string; total: number }[],
): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const { electorate, phase } = status;
  const found = electorate && [
    ['hashes processed', number(electorate.processed)],
    ['voters (unique)', number(electorate.unique)],
    ['duplicates', number(electorate.duplicates)],
    ['errors', number(electorate.errors)],
  ];
  const votes = counts.map(({ lawId, total }) => [
    `votes on ${lawId}`,
    `${number(total)} (${percent(total, electorate?.unique ?? 0)})`,
  ]);
  out('');
  out(table(['election', ''], [['phase', phase], ...(found ?? []), ...votes], ['']));
  const changes = events.filter(({ reason }) => reason !== phase && reason !== SKIPPED);
  out('');
  for (const { type, message } of changes) out(`  ${type === 'Warning' ? pc.yellow('!') : '·'} ${message}`);
  if (changes.length === 0) out('  There was nothing to do: it was prepared already.');
}
