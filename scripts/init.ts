/**
 * `npm run init`: prepares an election on servers that are there, by the reconciler itself, once, from an
 * Election file. Repeating it is safe (P7).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { maskUrl } from '@scrutin/shared/config.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { pause } from '@scrutin/shared/retry.ts';
import { pepperFromHex } from '@scrutin/shared/voter-hash.ts';
import { connect } from 'amqplib';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import type { Election } from '../operator/src/election-resource.ts';
import { volumeSource } from '../operator/src/local/volume-source.ts';
import { ElectionError, readElectionFile } from '../operator/src/read-election.ts';
import { StepError } from '../operator/src/reconcile/conditions.ts';
import type { Ports } from '../operator/src/reconcile/ports.ts';
import { type Reconciled, reconcile } from '../operator/src/reconcile/reconcile.ts';
import { serverPorts } from '../operator/src/server-ports.ts';
import { Progress } from './progress.ts';
import { projectFolder } from './servers/state.ts';
import { electionUrls } from './stack/election-urls.ts';
import { runCommand, Steps } from './stack/steps.ts';
import { number, percent, table } from './stack/table.ts';
import { findTarget, type Target } from './stack/target.ts';

interface InitOptions {
  election?: string;
  volumes?: string;
  skipHashes: boolean;
  skipRabbitmq: boolean;
  timeout: number;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
};

const options = new Command('npm run init --')
  .description(
    'Prepares an election: queues in RabbitMQ, schema in PostgreSQL, electorate in Redis; then checks it.',
  )
  .option('--election <file>', 'Election file; by default that of npm start, else the sample')
  .option('--volumes <folder>', 'folder in which a persistentVolumeClaim is the folder of that name')
  .option('--skip-hashes', 'leave the electorate as it is', false)
  .option('--skip-rabbitmq', 'leave RabbitMQ as it is', false)
  .option('--timeout <seconds>', 'how long to wait for the servers', positive, 60)
  .addHelpText(
    'after',
    `
Servers: those of npm start, or REDIS_URL, RABBITMQ_URL with RABBITMQ_MANAGEMENT_URL, and DATABASE_URL.
The secret pepper: VOTER_PEPPER or VOTER_PEPPER_FILE, by default that of npm start.
Exit code: 0 prepared, 1 not prepared, 2 the Election file or a setting is wrong.`,
  )
  .parse()
  .opts<InitOptions>();

const silent = createLog({ stage: 'init', level: 'silent' });

/** Tries until it works; rejects with the last reason after the time limit. */
async function waitFor(what: string, deadline: number, ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what}: ${(error as Error).message}`);
      await pause(500);
    }
  }
}

async function amqpAnswers(url: string): Promise<void> {
  const model = await connect(url, { timeout: 5_000 }).catch((error: Error) => {
    throw new Error(
      `${error.message || 'no answer'} (${String(maskUrl(url))}); start it, or correct RABBITMQ_URL`,
    );
  });
  await model.close();
}

async function servers(steps: Steps, ports: Ports, target: Target): Promise<void> {
  const deadline = Date.now() + options.timeout * 1_000;
  const step = (name: string, ask: () => Promise<void>) =>
    steps.step(name, () => waitFor(name, deadline, ask));
  const rabbitmq = options.skipRabbitmq
    ? []
    : [
        step('RabbitMQ, AMQP', () => amqpAnswers(target.servers.RABBITMQ_URL)),
        step('RabbitMQ, management', () => ports.broker.ping()),
      ];
  const all = [
    step('Redis', () => ports.electorate.ping()),
    step('PostgreSQL', () => ports.ledger.ping()),
    ...rabbitmq,
  ];
  const failed = (await Promise.allSettled(all)).filter((result) => result.status === 'rejected');
  if (failed.length > 0) throw new Error(failed.map(({ reason }) => (reason as Error).message).join('\n'));
}

/** The ports without the parts that are to be left as they are. */
function withSkips(ports: Ports): Ports {
  const { broker, electorate } = ports;
  return {
    ...ports,
    ...(options.skipRabbitmq && {
      broker: {
        ping: async () => {},
        ensureTopology: async () => [],
        isDrained: async () => false,
        depths: (electionId: string) => broker.depths(electionId),
        remove: (electionId: string) => broker.remove(electionId),
      },
    }),
    ...(options.skipHashes && {
      electorate: {
        ...electorate,
        sourceDigest: async () => {
          const present = await electorate.sound();
          if (present?.source !== undefined) return present.source;
          throw new StepError('Skipped', 'there is no electorate yet; load one with npm run load-hashes');
        },
      },
    }),
  };
}

function pepper(target: Target, env: NodeJS.ProcessEnv = process.env) {
  const file = env.VOTER_PEPPER_FILE || join(target.folder, 'pepper');
  if (env.VOTER_PEPPER) return pepperFromHex(env.VOTER_PEPPER);
  if (!existsSync(file))
    throw new Error(
      'VOTER_PEPPER is not set; it must be the election’s secret, 64 or more hexadecimal digits',
    );
  return pepperFromHex(readFileSync(file, 'utf8'));
}

const electionFile = (target: Target): string => {
  const started = join(target.folder, 'election.yaml');
  if (options.election !== undefined) return options.election;
  return existsSync(started) ? started : join(projectFolder, 'k8s', 'samples', 'election-demo.yaml');
};

async function prepare(election: Election, ports: Ports, steps: Steps): Promise<Reconciled> {
  const progress = new Progress({ verb: 'loading', unit: 'voters' });
  try {
    return await steps.step('Election prepared', async (detail) => {
      const outcome = await reconcile(election, withSkips(ports), undefined, {
        verifySource: true,
        onProgress: ({ processed, share }) => progress.update(processed, share ?? Number.NaN),
      });
      detail(election.metadata.name);
      return outcome;
    });
  } finally {
    progress.stop();
  }
}

async function check(ports: Ports, electionId: string, steps: Steps): Promise<string[]> {
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
  if (!options.skipRabbitmq)
    await ask('Queues answer', async () => {
      const depths = Object.entries(await ports.broker.depths(electionId));
      return depths
        .map(([queue, { ready, unacknowledged }]) => `${queue} ${ready + unacknowledged}`)
        .join(', ');
    });
  if (!options.skipHashes)
    await ask('Every voter is in Redis', async () => {
      const sound = await ports.electorate.sound();
      if (!sound) throw new Error('the electorate is not complete');
      return number(sound.unique);
    });
  return problems;
}

function printStatistics(
  { status, events }: Reconciled,
  counts: readonly { lawId: string; oui: number; non: number; total: number }[],
): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const { electorate, phase } = status;
  out('');
  out(
    table(
      ['election', ''],
      [
        ['phase', phase],
        ...(electorate
          ? [
              ['hashes processed', number(electorate.processed)],
              ['voters (unique)', number(electorate.unique)],
              ['duplicates', number(electorate.duplicates)],
              ['errors', number(electorate.errors)],
            ]
          : []),
        ...counts.map(({ lawId, total }) => [
          `votes on ${lawId}`,
          `${number(total)} (${percent(total, electorate?.unique ?? 0)})`,
        ]),
      ],
      [''],
    ),
  );
  const changes = events.filter(({ reason }) => reason !== phase && reason !== 'Skipped');
  out('');
  for (const { type, message } of changes) out(`  ${type === 'Warning' ? pc.yellow('!') : '·'} ${message}`);
  if (changes.length === 0) out('  There was nothing to do: it was prepared already.');
}

await runCommand(async () => {
  const target = findTarget();
  const path = electionFile(target);
  const election = await readElectionFile(path).catch((error: unknown) => {
    if (!(error instanceof ElectionError)) throw error;
    process.stderr.write(error.problems.map((problem) => `${pc.red('✖')} ${path}: ${problem}\n`).join(''));
    return undefined;
  });
  if (!election) return 2;
  const { name } = election.metadata;
  const volumes = options.volumes ?? process.env.VOLUMES ?? join(target.folder, 'volumes');
  const steps = new Steps();
  const ports = serverPorts({
    electionId: name,
    addresses: {
      redisUrl: target.servers.REDIS_URL,
      redisClusterNodes: process.env.REDIS_CLUSTER_NODES,
      rabbitmqManagementUrl: target.servers.RABBITMQ_MANAGEMENT_URL,
      databaseUrl: electionUrls(target.servers, name).DATABASE_URL,
    },
    pepper: pepper(target),
    openSource: (wanted) => volumeSource(wanted, volumes),
    log: silent,
  });
  try {
    await servers(steps, ports, target);
    const outcome = await prepare(election, ports, steps);
    const { failure } = outcome;
    const skipped = failure?.reason === 'Skipped';
    if (failure && !skipped) throw new Error(`The election is not prepared: ${failure.message}`);
    const problems = await check(ports, name, steps);
    printStatistics(outcome, await ports.ledger.counts());
    if (problems.length > 0) throw new Error(problems.join('\n'));
    process.stdout.write(
      skipped
        ? `\nNext: ${failure.message}, then npm run init again.\n`
        : `\nNext: npm start (stages on this machine), or point stages at election ${name}.\n`,
    );
    return 0;
  } finally {
    await ports.close();
  }
});
