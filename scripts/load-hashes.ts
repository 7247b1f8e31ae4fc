import { maskUrl } from '@scrutin/shared/config.ts';
import { createLog } from '@scrutin/shared/log.ts';
import { connectRedis, type RedisConnection, redisReady } from '@scrutin/shared/redis.ts';
import pc from 'picocolors';
import { Electorate, LoadInterrupted } from '../operator/src/electorate/electorate.ts';
import { type FilesSource, filesSource } from '../operator/src/electorate/hash-source.ts';
import { type LoadStatistics, loadElectorate } from '../operator/src/electorate/load-electorate.ts';
import { type LoadHashesOptions, parseLoadHashes } from './load-hashes-options.ts';
import { count, Progress } from './progress.ts';
import { runWhenCalled } from './run-when-called.ts';

/** Milliseconds that Redis has to answer at first, and for each batch. */
const CONNECT_TIMEOUT_MS = 5_000;
const BATCH_TIMEOUT_MS = 60_000;

const out = (line = '') => process.stdout.write(`${line}\n`);
const tell = (line: string) => process.stderr.write(`${line}\n`);

/** The command. Resolves with its exit code. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const parsed = parseLoadHashes(args, env);
  if ('exitCode' in parsed) return parsed.exitCode;
  const { options } = parsed;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const redis = connectRedis({
    url: options.redisUrl,
    clusterNodes: options.clusterNodes,
    log: createLog({ stage: 'load-hashes', level: 'silent' }),
    commandTimeout: BATCH_TIMEOUT_MS,
  });
  let begun = false;
  let lastError: Error | undefined;
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  try {
    const source = filesSource(options.paths);
    await redisReady(redis, CONNECT_TIMEOUT_MS).catch(() => {
      throw new Error(
        `Redis at ${maskUrl(options.redisUrl)} can’t be used: ${lastError?.message || 'no answer'}`,
      );
    });
    begun = true;
    out(`Loading ${source.name} into election ${options.election}`);
    const statistics = await load(redis, source, options, interrupt.signal);
    for (const path of source.skipped) out(`  ${path} was left out: it holds the same list as its .json`);
    report(statistics, options);
    if (statistics.unique === 0 || statistics.processed === 0) return 1;
    return statistics.errors > 0 ? 3 : 0;
  } catch (error) {
    if (interrupt.signal.aborted) {
      tell('interrupted; the same command goes on from here');
      return 130;
    }
    tell(`${pc.red('✖')} ${(error as Error).message}`);
    if (begun) tell('  What was loaded is kept: the same command goes on from here.');
    if (error instanceof LoadInterrupted) tell('  Only one load of an election may run at a time.');
    return 1;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    redis.disconnect();
  }
}

async function load(
  redis: RedisConnection,
  source: FilesSource,
  options: LoadHashesOptions,
  signal: AbortSignal,
): Promise<LoadStatistics> {
  const electorate = new Electorate(redis, options.election);
  if (options.clear) await electorate.clear();
  const progress = new Progress({ verb: 'loading', unit: 'voters' });
  try {
    const statistics = await loadElectorate({
      electorate,
      source,
      pepper: options.pepper,
      batchSize: options.batchSize,
      ...(options.shards !== undefined && { shards: options.shards }),
      signal,
      onProgress: ({ processed, bytes, totalBytes }) =>
        progress.update(processed, totalBytes ? bytes / totalBytes : Number.NaN),
    });
    // The stages find voters by the layout in the published document.
    const election = await electorate.published();
    if (election && statistics.unique > 0)
      await electorate.publish({ ...election, layout: statistics.layout, eligible: statistics.unique });
    return statistics;
  } finally {
    progress.stop();
  }
}

function report(statistics: LoadStatistics, options: LoadHashesOptions): void {
  const { processed, unique, duplicates, errors, errorSamples, seconds, resumedAt } = statistics;
  for (const { file, line, message } of errorSamples) tell(`${pc.yellow('!')} ${file}:${line}: ${message}`);
  if (errors > errorSamples.length)
    tell(`${pc.yellow('!')} … and ${count(errors - errorSamples.length)} more`);
  const row = (label: string, value: number, note = '') =>
    out(`  ${label.padEnd(16)} ${count(value).padStart(14)}${note && `  ${note}`}`);
  const [mark, done] = unique > 0 ? [pc.green('✔'), 'loaded'] : [pc.red('✖'), 'nothing was loaded'];
  out(`${mark} ${done} in ${seconds.toFixed(1)} s`);
  row('processed', processed, resumedAt > 0 ? `of these ${count(resumedAt)} by an earlier load` : '');
  row('unique in Redis', unique);
  row('duplicates', duplicates);
  row('errors', errors, errors > 0 ? 'lines that hold no hash; see above' : '');
  if (unique === 0) return;
  out();
  out('Next: prepare the rest of the election and check it,');
  out(`  npm run init -- --skip-hashes      (election ${options.election})`);
}

runWhenCalled(import.meta, (args) => main(args));
