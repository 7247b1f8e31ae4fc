import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { GenerateError, type GenerateOptions, generateHashes } from './generate-hashes/generate-hashes.ts';
import { MOST_ELECTORS } from './generate-hashes/synthetic-roll.ts';
import { count, Progress } from './progress.ts';
import { runWhenCalled } from './run-when-called.ts';

const EXAMPLES = `
Examples:
  npm run generate-hashes -- --count 100000 --out electorate
  npm run generate-hashes -- --roll roll.csv --out electorate --format json

The roll is a CSV with the columns nas and code. Rows that can't be used are told as file:line, never with what
stands there, and the others are hashed.

Exit codes: 0 all done; 1 it failed, and nothing was written; 2 wrong usage; 3 done, but some rows of the roll
could not be used; 130 interrupted, and nothing was written.`;

interface Options {
  count?: number;
  roll?: string;
  out: string;
  format: 'json' | 'txt' | 'both';
  perFile?: number;
  seed?: string;
  force?: boolean;
}

const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text.replaceAll('_', ''));
  if (!/^[\d_]+$/.test(text) || value < least || value > most)
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  return value;
};

const program = () =>
  new Command('generate-hashes')
    .description('Makes up a roll of electors and its hash files, or hashes a given roll.')
    .option('-n, --count <voters>', 'electors to make up (default: 100000)', wholeNumber(1, MOST_ELECTORS))
    .option('--roll <csv>', 'the roll to hash; with --count where to write it (default: <out>/roll.csv)')
    .option('-o, --out <folder>', 'folder for the files', 'electorate')
    .addOption(
      new Option('-f, --format <format>', 'hashes.json {"hashes":[…]}, hashes.txt with one a line, or both')
        .choices(['json', 'txt', 'both'])
        .default('both'),
    )
    .option(
      '--per-file <hashes>',
      'split into files of so many: hashes-0001.json …',
      wholeNumber(1, MOST_ELECTORS),
    )
    .option('--seed <text>', 'make up the same roll again; never for a real election')
    .option('--force', 'overwrite files that are there')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help tells more)')
    .exitOverride();

/** The command. Resolves with its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const command = program();
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  const options = command.opts<Options>();
  const synthetic = options.roll === undefined || options.count !== undefined;
  if (options.seed !== undefined && !synthetic) {
    process.stderr.write('error: --seed is for a roll that is made up, not for a given one\n');
    return 2;
  }
  return run(options, synthetic);
}

async function run(options: Options, synthetic: boolean): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = new Progress({ verb: 'hashing', unit: 'electors' });
  const roll: GenerateOptions['roll'] = synthetic
    ? {
        count: options.count ?? 100_000,
        seed: options.seed ?? randomBytes(32).toString('hex'),
        writeTo: options.roll ?? join(options.out, 'roll.csv'),
      }
    : { csv: options.roll! };
  try {
    const result = await generateHashes({
      out: options.out,
      formats: options.format === 'both' ? ['json', 'txt'] : [options.format],
      ...(options.perFile !== undefined && { perFile: options.perFile }),
      ...(options.force && { force: true }),
      roll,
      signal: interrupt.signal,
      onProgress: (electors, done) => progress.update(electors, done),
    });
    progress.stop();
    report(result, options);
    return result.errors > 0 ? 3 : 0;
  } catch (error) {
    progress.stop();
    if (interrupt.signal.aborted) {
      process.stderr.write('interrupted; nothing was written\n');
      return 130;
    }
    const message = error instanceof GenerateError ? error.message : `it failed: ${(error as Error).message}`;
    process.stderr.write(`${pc.red('✖')} ${message}\n`);
    return 1;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function report(result: Awaited<ReturnType<typeof generateHashes>>, options: Options): void {
  const { electors, hashFiles, roll, errors, errorSamples, seconds } = result;
  for (const { file, line, message } of errorSamples)
    process.stderr.write(`${pc.yellow('!')} ${file}:${line}: ${message}\n`);
  if (errors > errorSamples.length)
    process.stderr.write(`${pc.yellow('!')} … and ${count(errors - errorSamples.length)} more rows\n`);
  const out = (line: string) => process.stdout.write(`${line}\n`);
  out(`${pc.green('✔')} ${count(electors)} electors hashed in ${seconds.toFixed(1)} s`);
  if (errors > 0) out(`  ${count(errors)} rows could not be used`);
  if (roll) out(`  roll    ${roll}  (NAS and codes in the clear, for tests: keep it to yourself)`);
  const [first, last] = [hashFiles[0]!, hashFiles.at(-1)!];
  out(
    `  hashes  ${hashFiles.length <= 2 ? hashFiles.join(', ') : `${first} … ${last} (${hashFiles.length} files)`}`,
  );
  out('');
  out('Next, with the election’s secret in VOTER_PEPPER (or VOTER_PEPPER_FILE):');
  out(`  npm run load-hashes -- --hash-dir ${options.out}`);
}

runWhenCalled(import.meta, main);
