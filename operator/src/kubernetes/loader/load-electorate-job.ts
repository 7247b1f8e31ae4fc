/** What a load's Job runs: loads one electorate into Redis, resumably, and ends. Its settings come from the operator. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commonSettings, connectionSettings, type Settings } from '@scrutin/shared/config.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import { connectRedis, redisReady } from '@scrutin/shared/redis.ts';
import { startStage } from '@scrutin/shared/stage.ts';
import { z } from 'zod';
import { electorateSchema } from '../../election-resource.ts';
import { Electorate } from '../../electorate/electorate.ts';
import { filesSource, type HashSource } from '../../electorate/hash-source.ts';
import { loadElectorate } from '../../electorate/load-electorate.ts';
import { Ledger } from '../../ledger/ledger.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { electorateChanged } from '../../reconcile/prepare-electorate.ts';
import { databaseOf } from '../connection-secrets.ts';
import { downloadHttp } from '../sources/http-source.ts';
import { downloadS3 } from '../sources/s3-source.ts';
import { ScratchFolder } from '../sources/scratch-folder.ts';
import {
  LASTING_EXIT_CODE,
  type LoaderOutcome,
  OUTCOME_FILE,
  outcomeText,
  VOLUME_FOLDER,
} from './loader-outcome.ts';

const settings = {
  ELECTION_ID: commonSettings.ELECTION_ID,
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  LOG_FORMAT: commonSettings.LOG_FORMAT,
  REDIS_URL: connectionSettings.REDIS_URL,
  REDIS_CLUSTER_NODES: connectionSettings.REDIS_CLUSTER_NODES,
  DATABASE_URL: connectionSettings.DATABASE_URL,
  VOTER_PEPPER: connectionSettings.VOTER_PEPPER,
  ELECTORATE: z
    .string()
    .transform((text) => JSON.parse(text) as unknown)
    .pipe(electorateSchema),
  EXPECTED_DIGEST: z.string().optional(),
  /** Without one, as in a Job of an operator that gave none, nothing is asked for. */
  LOAD_GRANT: z.string().optional(),
  SOURCE_AUTHORIZATION: z.string().optional().meta({ secret: true }),
  S3_ACCESS_KEY_ID: z.string().optional().meta({ secret: true }),
  S3_SECRET_ACCESS_KEY: z.string().optional().meta({ secret: true }),
  VOLUME_FOLDER: z.string().default(VOLUME_FOLDER),
  OUTCOME_FILE: z.string().default(OUTCOME_FILE),
} satisfies Settings;

const { config, log } = startStage('load-electorate', settings);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort(new Error('told to stop')));

const folder = new ScratchFolder();
const redis = connectRedis({
  url: config.REDIS_URL,
  clusterNodes: config.REDIS_CLUSTER_NODES,
  commandTimeout: 60_000,
  log,
});
const pool = connectPostgres({
  url: databaseOf(config.DATABASE_URL, config.ELECTION_ID),
  name: 'scrutin load-electorate',
  max: 1,
  log,
});

async function openSource(): Promise<HashSource> {
  const { persistentVolumeClaim, http, s3 } = config.ELECTORATE.source;
  if (persistentVolumeClaim) return filesSource(join(config.VOLUME_FOLDER, persistentVolumeClaim.path));
  if (http)
    return filesSource(await downloadHttp(http, config.SOURCE_AUTHORIZATION, folder, stopping.signal));
  if (!s3) throw new StepError('SourceNotServed', 'this source is not for a Job', { lasting: true });
  const credentials = {
    accessKeyId: config.S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: config.S3_SECRET_ACCESS_KEY ?? '',
  };
  return filesSource(await downloadS3(s3, credentials, folder, stopping.signal));
}

async function load(): Promise<LoaderOutcome> {
  const source = await openSource();
  const digest = await source.digest();
  if (config.EXPECTED_DIGEST !== undefined && config.EXPECTED_DIGEST !== digest) throw electorateChanged();
  await redisReady(redis);
  const ledger = new Ledger(pool);
  const { batchSize, shards } = config.ELECTORATE;
  const statistics = await loadElectorate({
    electorate: new Electorate(redis, config.ELECTION_ID, config.LOAD_GRANT),
    source,
    pepper: config.VOTER_PEPPER,
    batchSize,
    shards,
    marks: () => ledger.participants(),
    signal: stopping.signal,
  });
  const { processed, unique, duplicates, errors, errorSamples } = statistics;
  const samples = errorSamples
    .slice(0, 5)
    .map(({ file, line, message }) => `${file}:${line}: ${message}`.slice(0, 300));
  return { digest, processed, unique, duplicates, errors, samples };
}

function failureOf(error: unknown): LoaderOutcome {
  const { message, reason = 'LoadFailed', lasting = false } = error as Partial<StepError>;
  return { reason, message: (message ?? String(error)).slice(0, 1_000), lasting };
}

const outcome = await load().catch(failureOf);
writeFileSync(config.OUTCOME_FILE, outcomeText(outcome));
folder.remove();
redis.disconnect();
await pool.end();
if ('reason' in outcome) {
  log.error({ reason: outcome.reason }, outcome.message);
  process.exitCode = outcome.lasting ? LASTING_EXIT_CODE : 1;
} else log.info(outcome, 'the electorate is loaded');
