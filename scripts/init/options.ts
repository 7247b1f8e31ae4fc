import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, connectionSettings, kinds, readConfig } from '@scrutin/shared/config.ts';
import { Command, InvalidArgumentError } from 'commander';
import { projectFolder } from '../servers/state.ts';
import { findTarget, type Target } from '../stack/target.ts';

export interface InitOptions {
  election?: string;
  volumes?: string;
  skipHashes: boolean;
  skipRabbitmq: boolean;
  /** Seconds. */
  timeout: number;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
};

/** Reads the command line. Throws commander's error once it has told what is wrong. */
export function parseInit(args: readonly string[]): InitOptions {
  return new Command('npm run init --')
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
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .parse(args, { from: 'user' })
    .opts<InitOptions>();
}

const settings = {
  REDIS_URL: connectionSettings.REDIS_URL,
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  RABBITMQ_URL: connectionSettings.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: kinds.url(['http://', 'https://']),
  DATABASE_URL: connectionSettings.DATABASE_URL,
  VOTER_PEPPER: connectionSettings.VOTER_PEPPER,
};

export interface InitSettings {
  target: Target;
  config: Config<typeof settings>;
}

/**
 * The servers and the pepper: those that the environment names, else those of `npm start`.
 * Throws {@link ConfigError}, a line a setting.
 */
export function readInitSettings(env: NodeJS.ProcessEnv): InitSettings {
  const { VOTER_PEPPER: _, ...addresses } = settings;
  // Those that are named are looked at first: a target can't be found by an address that is none.
  readConfig(Object.fromEntries(Object.entries(addresses).filter(([name]) => env[name])), env);
  let target: Target;
  try {
    target = findTarget(env);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
  const pepperFile = join(target.folder, 'pepper');
  const startsPepper =
    env.VOTER_PEPPER_FILE || !existsSync(pepperFile) ? {} : { VOTER_PEPPER_FILE: pepperFile };
  return { target, config: readConfig(settings, { ...env, ...target.servers, ...startsPepper }) };
}

/** The Election file: the one that was named, else that of `npm start`, else the sample. */
export function electionFile({ election }: InitOptions, { folder }: Target): string {
  const started = join(folder, 'election.yaml');
  if (election !== undefined) return election;
  return existsSync(started) ? started : join(projectFolder, 'k8s', 'samples', 'election-demo.yaml');
}
