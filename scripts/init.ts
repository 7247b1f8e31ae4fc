/**
 * `npm run init`: prepares an election on servers that are there, by the reconciler itself, once, from an
 * Election file. Repeating it is safe (P7).
 */
import { join } from 'node:path';
import { ConfigError } from '@scrutin/shared/config.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { CommanderError } from 'commander';
import pc from 'picocolors';
import type { Election } from '../operator/src/election-resource.ts';
import { volumeSource } from '../operator/src/local/volume-source.ts';
import { ElectionError, readElectionFile } from '../operator/src/read-election.ts';
import type { Ports } from '../operator/src/reconcile/ports.ts';
import { type Reconciled, reconcile } from '../operator/src/reconcile/reconcile.ts';
import { serverPorts } from '../operator/src/server-ports.ts';
import { electionFile, type InitOptions, parseInit, readInitSettings } from './init/options.ts';
import { check, printStatistics } from './init/report.ts';
import { SKIPPED, withSkips } from './init/skipping.ts';
import { waitForServers } from './init/wait-for-servers.ts';
import { Progress } from './progress.ts';
import { electionUrls } from './stack/election-urls.ts';
import { runCommand, Steps } from './stack/steps.ts';

async function prepare(election: Election, ports: Ports, steps: Steps): Promise<Reconciled> {
  const progress = new Progress({ verb: 'loading', unit: 'voters' });
  try {
    return await steps.step('Election prepared', async (detail) => {
      detail(election.metadata.name);
      const outcome = await reconcile(election, ports, undefined, {
        verifySource: true,
        onProgress: ({ processed, share }) => progress.update(processed, share ?? Number.NaN),
      });
      const { failure } = outcome;
      if (failure && failure.reason !== SKIPPED)
        throw new Error(`The election is not prepared: ${failure.message}`);
      return outcome;
    });
  } finally {
    progress.stop();
  }
}

async function init(options: InitOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const { target, config } = readInitSettings(env);
  const election = await readElectionFile(electionFile(options, target));
  const { name } = election.metadata;
  const volumes = options.volumes || env.VOLUMES || join(target.folder, 'volumes');
  const skip = { hashes: options.skipHashes, rabbitmq: options.skipRabbitmq };
  const steps = new Steps();
  const ports = serverPorts({
    electionId: name,
    addresses: {
      redisUrl: config.REDIS_URL,
      redisClusterNodes: config.REDIS_CLUSTER_NODES,
      rabbitmqManagementUrl: config.RABBITMQ_MANAGEMENT_URL,
      rabbitmqUrl: config.RABBITMQ_URL,
      databaseUrl: electionUrls(target.servers, name).DATABASE_URL,
    },
    pepper: config.VOTER_PEPPER,
    openSource: (wanted) => volumeSource(wanted, volumes),
    log: createLog({ stage: 'init', level: 'silent' }),
  });
  try {
    await waitForServers(steps, ports, {
      rabbitmqUrl: skip.rabbitmq ? undefined : config.RABBITMQ_URL,
      timeoutMs: options.timeout * 1_000,
    });
    const outcome = await prepare(election, withSkips(ports, skip), steps);
    const problems = await check(ports, name, steps, skip);
    printStatistics(outcome, await ports.ledger.counts());
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const next = outcome.failure
      ? `${outcome.failure.message}, then npm run init again.`
      : `npm start (stages on this machine), or point stages at election ${name}.`;
    process.stdout.write(`\nNext: ${next}\n`);
  } finally {
    await ports.close();
  }
}

const complain = (where: string, lines: readonly string[]) =>
  process.stderr.write(lines.map((line) => `${pc.red('✖')} ${where}${line}\n`).join(''));

await runCommand(async () => {
  try {
    await init(parseInit(process.argv.slice(2)), process.env);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof ConfigError) complain('', error.message.split('\n'));
    else if (error instanceof ElectionError) complain(`${error.where}: `, error.problems);
    else throw error;
    return 2;
  }
});
