import { appendFileSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { QUEUES, type QueueName } from '@scrutin/shared/topology.ts';
import { Command, Option } from 'commander';
import type { ReviewEntry } from './stack/review-message.ts';
import { ReviewQueue } from './stack/review-queue.ts';
import { wholeNumber } from './stack/run-command.ts';
import { runCommand } from './stack/steps.ts';
import { table } from './stack/table.ts';
import { findTarget, requireServers } from './stack/target.ts';

/** `npm run review`: what was set aside for a person. */
const program = new Command('npm run review --').description(
  'Lists, replays or discards the messages that no stage could use. What it shows never has a voter or a choice in it.',
);

const when = (ms: number | undefined) => (ms === undefined ? '–' : new Date(ms).toISOString().slice(0, 19));

async function withQueue(work: (queue: ReviewQueue) => Promise<number>): Promise<void> {
  await runCommand(async () => {
    const target = findTarget();
    requireServers(target);
    const queue = await ReviewQueue.open(target.urls.RABBITMQ_URL);
    try {
      return await work(queue);
    } finally {
      await queue.close();
    }
  });
}

/** Every decision is one JSON line, on disk before the message goes. */
function record(action: string, entry: ReviewEntry, more: Record<string, string>): void {
  const path = join(findTarget().folder, 'review-audit.log');
  mkdirSync(dirname(path), { recursive: true });
  const line = { at: new Date().toISOString(), by: userInfo().username, action, ...entry, ...more };
  appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600, flush: true });
}

program
  .command('list', { isDefault: true })
  .description('shows what is in the review queue; nothing is taken out')
  .option('--json', 'as JSON')
  .action(async ({ json, limit }: { json?: boolean; limit: number }) =>
    withQueue(async (queue) => {
      const entries = await queue.list(limit);
      if (json) process.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
      else if (entries.length === 0) process.stdout.write('✔ Nothing waits for review.\n');
      else {
        const rows = entries.map((entry) => [
          entry.ref,
          when(entry.publishedAt),
          entry.from ?? 'unknown',
          entry.votes === undefined ? 'unreadable' : String(entry.votes),
          String(entry.bytes),
          entry.reason,
        ]);
        const header = ['ref', 'published (UTC)', 'from', 'votes', 'bytes', 'reason'];
        process.stdout.write(`${table(header, rows, ['votes', 'bytes'])}\n`);
        process.stdout.write(
          '\nNext: npm run review -- show <ref>, replay <ref> | --all, discard <ref> --reason "…"\n',
        );
      }
      return 0;
    }),
  );

program
  .command('show <ref>')
  .description('shows what may be shown of one message’s votes')
  .action(async (ref: string, { limit }: { limit: number }) =>
    withQueue(async (queue) => {
      const { entry, votes } = await queue.show(ref, limit);
      process.stdout.write(`${JSON.stringify({ ...entry, content: votes ?? 'unreadable' }, null, 2)}\n`);
      return 0;
    }),
  );

program
  .command('replay [refs...]')
  .description('sends messages back to the queue that each came from')
  .option('--all', 'all of them')
  .addOption(
    new Option('--to <queue>', 'to this queue instead').choices([QUEUES.validation, QUEUES.aggregation]),
  )
  .action(async (refs: string[], { all, to, limit }: { all?: boolean; to?: QueueName; limit: number }) =>
    withQueue(async (queue) => {
      if (Boolean(all) === refs.length > 0) throw new Error('name messages by their ref, or say --all');
      const { done, skipped } = await queue.replay(all ? undefined : refs, { limit, ...(to && { to }) });
      for (const { entry, to: queueName } of done) {
        record('replayed', entry, { to: queueName });
        process.stdout.write(`✔ ${entry.ref} → ${queueName}\n`);
      }
      for (const { ref } of skipped)
        process.stdout.write(`✖ ${ref} doesn’t say where it came from; replay it with --to <queue>\n`);
      return skipped.length === 0 ? 0 : 1;
    }),
  );

program
  .command('discard <ref>')
  .description('removes one message for good; its votes will not be counted')
  .requiredOption('--reason <text>', 'why; is written down in review-audit.log')
  .action(async (ref: string, { reason, limit }: { reason: string; limit: number }) =>
    withQueue(async (queue) => {
      if (reason.trim() === '') throw new Error('a reason is needed');
      const entry = await queue.discard(ref, limit, async (found) =>
        record('discarded', found, { why: reason }),
      );
      process.stdout.write(
        `✔ ${entry.ref} is discarded (${entry.votes ?? 'unreadable'} votes); written down\n`,
      );
      return 0;
    }),
  );

// Meant for each of them, and understood wherever it stands.
for (const command of program.commands)
  command.addOption(
    new Option('--limit <n>', 'messages that are looked at')
      .argParser(wholeNumber(1, 100_000))
      .default(1_000),
  );

await program.parseAsync();
