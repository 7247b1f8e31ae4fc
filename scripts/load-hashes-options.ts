import { ConfigError, commonSettings, connectionSettings, readConfig } from '@scrutin/shared/config.ts';
import { electionIdSchema } from '@scrutin/shared/election.ts';
import type { Pepper } from '@scrutin/shared/voter-hash.ts';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface LoadHashesOptions {
  redisUrl: string;
  clusterNodes?: string | undefined;
  election: string;
  batchSize: number;
  shards?: number | undefined;
  clear: boolean;
  /** Files, or a folder. */
  paths: string[];
  pepper: Pepper;
}

const EXAMPLES = `
Files are JSON {"hashes":["…", …]} or text with a hash a line: SHA-256 of NAS and code, 64 hexadecimal digits.
They are streamed, and the election's secret pepper is applied on the way. A damaged line is told as file:line and
costs no other. A load that was interrupted goes on when it is run again; a finished one is found as it is.

The pepper comes from VOTER_PEPPER, or from the file that VOTER_PEPPER_FILE names. It is never an argument.

Examples:
  npm run load-hashes -- --hash-dir electorate
  npm run load-hashes -- --redis-host 10.0.0.5 --election demo electorate/hashes.json

Exit codes: 0 all loaded; 1 it failed, or nothing was loaded; 2 wrong usage or settings; 3 loaded, but some lines
hold no hash; 130 interrupted, run it again.`;

const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text.replaceAll('_', ''));
  if (!/^[\d_]+$/.test(text) || value < least || value > most)
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  return value;
};

function electionId(text: string): string {
  const parsed = electionIdSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`It ${parsed.error.issues[0]!.message}.`);
  return parsed.data;
}

interface Given {
  redisUrl?: string;
  redisHost?: string;
  redisPort?: number;
  redisPassword?: string;
  redisDb?: number;
  election?: string;
  batchSize: number;
  shards?: number;
  clear?: boolean;
  hashDir?: string;
}

const program = () =>
  new Command('load-hashes')
    .description('Loads an electorate’s hash files into Redis.')
    .argument('[files...]', 'hash files, .json or .txt')
    .option('--hash-dir <folder>', 'folder whose .json and .txt files are loaded')
    .option('--redis-url <url>', 'default: REDIS_URL, or redis://127.0.0.1:6379')
    .option('--redis-host <host>', 'instead of a URL')
    .option('--redis-port <port>', 'default: 6379', wholeNumber(1, 65_535))
    .option(
      '--redis-password <password>',
      'better in REDIS_URL: arguments are seen by everybody on the machine',
    )
    .option('--redis-db <number>', 'default: 0', wholeNumber(0, 1_000_000))
    .option('--election <id>', 'default: ELECTION_ID, or demo', electionId)
    .option('--batch-size <hashes>', 'hashes sent together', wholeNumber(1, 100_000), 10_000)
    .option('--shards <number>', 'parts for the nodes of a Redis Cluster (default: 1)', wholeNumber(1, 1_024))
    .option('--clear', 'remove what is there first, the voted marks with it')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help tells more)')
    .exitOverride();

/** Reads the command line and the environment. What is wrong was told on standard error by then. */
export function parseLoadHashes(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { options: LoadHashesOptions } | { exitCode: number } {
  const command = program();
  try {
    command.parse(args, { from: 'user' });
    const given = command.opts<Given>();
    const paths = given.hashDir === undefined ? command.args : [given.hashDir, ...command.args];
    if (paths.length === 0) command.error('error: name hash files, or their folder with --hash-dir');
    const redisUrl = urlOf(given);
    if (redisUrl === undefined)
      command.error('error: give --redis-url, or --redis-host and the like, not both');
    const config = readConfig(
      {
        ELECTION_ID: commonSettings.ELECTION_ID,
        REDIS_URL: connectionSettings.REDIS_URL,
        REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
        VOTER_PEPPER: connectionSettings.VOTER_PEPPER,
      },
      { ...env, ...(redisUrl && { REDIS_URL: redisUrl, REDIS_CLUSTER_NODES: '' }) },
    );
    return {
      options: {
        redisUrl: config.REDIS_URL,
        clusterNodes: config.REDIS_CLUSTER_NODES,
        election: given.election ?? config.ELECTION_ID,
        batchSize: given.batchSize,
        shards: given.shards,
        clear: given.clear === true,
        paths,
        pepper: config.VOTER_PEPPER,
      },
    };
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 };
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return { exitCode: 2 };
  }
}

/** The URL that the options give: empty if they give none, undefined if they contradict each other. */
function urlOf({ redisUrl, redisHost, redisPort, redisPassword, redisDb }: Given): string | undefined {
  const parts = [redisHost, redisPort, redisPassword, redisDb];
  if (parts.every((part) => part === undefined)) return redisUrl ?? '';
  if (redisUrl !== undefined) return undefined;
  const url = new URL(`redis://${redisHost?.includes(':') ? `[${redisHost}]` : (redisHost ?? '127.0.0.1')}`);
  if (redisPort !== undefined) url.port = String(redisPort);
  if (redisPassword !== undefined) url.password = encodeURIComponent(redisPassword);
  if (redisDb !== undefined) url.pathname = `/${redisDb}`;
  return url.href;
}
