import { randomUUID } from 'node:crypto';
import type { Log } from '@scrutin/shared/log.ts';
import { connectPostgres } from '@scrutin/shared/postgres.ts';
import { connectRedis, type RedisConnection, redisReady } from '@scrutin/shared/redis.ts';
import { type Pepper, pepperId as pepperIdOf } from '@scrutin/shared/voter-hash.ts';
import type pg from 'pg';
import { RabbitmqAdmin } from './broker/rabbitmq-admin.ts';
import type { StageUser } from './broker/stage-user.ts';
import type { Election } from './election-resource.ts';
import { Electorate } from './electorate/electorate.ts';
import type { ElectorateState } from './electorate/electorate-state.ts';
import type { HashSource } from './electorate/hash-source.ts';
import { loadElectorate } from './electorate/load-electorate.ts';
import { LoadGrants } from './electorate/load-grants.ts';
import { Ledger } from './ledger/ledger.ts';
import { dropLedger, migrateLedger } from './ledger/migrate.ts';
import { dropStageLogins, ensureStageLogins, type StageLogin } from './ledger/stage-logins.ts';
import { observedPorts, type PortsObserver } from './observed-ports.ts';
import { StepError } from './reconcile/conditions.ts';
import type { ElectoratePort, LedgerPort, Ports } from './reconcile/ports.ts';

export interface ServerAddresses {
  redisUrl: string;
  redisClusterNodes?: string | undefined;
  rabbitmqManagementUrl: string;
  /** What the stages connect by: its user is made if it is absent, and gets rights on the election’s virtual host. */
  rabbitmqUrl?: string | undefined;
  /** The election's own database, as its owner. */
  databaseUrl: string;
  /** The same for aggregation and for results: their users are made if they are absent. By default the owner is theirs. */
  aggregationDatabaseUrl?: string | undefined;
  resultsDatabaseUrl?: string | undefined;
}

export interface ServerPortsOptions {
  electionId: string;
  addresses: ServerAddresses;
  pepper: Pepper;
  /** Opens the electorate's source; throws with a sentence for people if it can't be read. */
  openSource: (election: Election, signal?: AbortSignal) => HashSource | Promise<HashSource>;
  observer?: PortsObserver | undefined;
  log: Log;
}

/** The reconciler's ports to real servers. */
export interface ServerPorts extends Ports {
  /** How far the electorate has come in Redis, also while another process loads it. */
  electorateState(): Promise<ElectorateState>;
  /** Which process may load the electorate. */
  readonly loadGrants: LoadGrants;
  /** Ends the connections. */
  close(): Promise<void>;
}

/** Starts connecting and returns at once. */
export function serverPorts(options: ServerPortsOptions): ServerPorts {
  const { addresses, log } = options;
  const redis = connectRedis({
    url: addresses.redisUrl,
    clusterNodes: addresses.redisClusterNodes,
    commandTimeout: 30_000,
    log,
  });
  const pool = connectPostgres({
    url: addresses.databaseUrl,
    name: 'scrutin operator',
    max: 2,
    // Comparing the tables with each other reads every row of them.
    statementTimeout: 300_000,
    // Between two looks no connection is held: two hundred elections would take all that a server has.
    idleTimeout: 1_000,
    log,
  });
  const ledger = ledgerPort(options, pool);
  const loadGrants = new LoadGrants(redis, options.electionId);
  const ports: ServerPorts = {
    broker: new RabbitmqAdmin({
      managementUrl: addresses.rabbitmqManagementUrl,
      ...(addresses.rabbitmqUrl !== undefined && { stageUser: userOf(addresses.rabbitmqUrl) }),
      log,
    }),
    electorate: electoratePort(options, redis, ledger, loadGrants),
    electorateState: () => new Electorate(redis, options.electionId).state(),
    loadGrants,
    ledger,
    now: () => Date.now(),
    close: async () => {
      redis.disconnect();
      await pool.end();
    },
  };
  return options.observer ? observedPorts(ports, options.observer) : ports;
}

/** RabbitMQ’s own default where the address names nobody. */
function userOf(url: string): StageUser {
  const { username, password } = new URL(url);
  return { name: decodeURIComponent(username) || 'guest', password: decodeURIComponent(password) };
}

function electoratePort(
  options: ServerPortsOptions,
  redis: RedisConnection,
  ledger: LedgerPort,
  grants: LoadGrants,
): ElectoratePort {
  const { electionId, pepper, openSource, observer } = options;
  const electorate = new Electorate(redis, electionId);
  const ping = async () => {
    try {
      await redisReady(redis, 3_000);
      await redis.ping();
    } catch (error) {
      throw unreachable('Redis', 'REDIS_URL', error);
    }
  };
  /** `loaded`: what Redis itself says was loaded, which stands in where nothing has been published. */
  const tellDrift = async (counted: number, loaded: number) => {
    if (!observer) return;
    // A ledger that is not there yet has published nothing; one that is away has been told of.
    const published = await ledger.published().catch(() => undefined);
    observer.audited({ counted, published: published?.election.eligible || loaded });
  };
  return {
    ping,
    sound: async () => {
      const { state, layout, eligible, processed, errors, source, pepperId } = await electorate.state();
      if (state === 'loading') return undefined;
      const { ok, counted } = await electorate.audit();
      await tellDrift(counted, eligible);
      if (!ok || !layout) return undefined;
      return {
        layout,
        processed,
        errors,
        unique: eligible,
        duplicates: processed - eligible,
        ownPepper: pepperId === pepperIdOf(pepper),
        ...(source !== undefined && { source }),
      };
    },
    endOtherLoads: () => grants.revoke(),
    sourceDigest: async (election, signal) => (await openSource(election, signal)).digest(),
    load: async (election, { marks, signal, onProgress }) => {
      const { shards, batchSize } = election.spec.electorate;
      const source = await openSource(election, signal);
      // Another each time: a load of this process, too, or of one that led before, ends when the next one begins.
      const grant = `operator/${randomUUID()}`;
      await grants.give(grant, shards);
      const statistics = await loadElectorate({
        electorate: new Electorate(redis, electionId, grant),
        source,
        pepper,
        shards,
        batchSize,
        marks,
        ...(signal && { signal }),
        onProgress: ({ processed, errors, bytes, totalBytes }) =>
          onProgress?.({ processed, errors, ...(totalBytes && { share: Math.min(1, bytes / totalBytes) }) }),
      });
      const { layout, processed, unique, duplicates, errors, errorSamples } = statistics;
      const samples = errorSamples.map(({ file, line, message }) => `${file}:${line}: ${message}`);
      const { source: loadedFrom } = await electorate.state();
      return {
        layout,
        processed,
        unique,
        duplicates,
        errors,
        samples,
        ...(loadedFrom !== undefined && { source: loadedFrom }),
      };
    },
    followLedger: (identity, participants) => electorate.followLedger(identity, participants),
    doubtMarks: () => electorate.doubtMarks(),
    publish: (document) => electorate.publish(document),
    published: () => electorate.published(),
    remove: async () => {
      // Deleting an Election may be the first thing that a process does.
      await ping();
      await electorate.remove();
    },
  };
}

/** SQLSTATEs (appendix A of PostgreSQL's manual): database or table are not there, which is what migrating mends. */
const INVALID_CATALOG_NAME = '3D000';
const UNDEFINED_TABLE = '42P01';

function ledgerPort({ electionId, addresses, log }: ServerPortsOptions, pool: pg.Pool): LedgerPort {
  const ledger = new Ledger(pool);
  const { databaseUrl } = addresses;
  const logins = stageLogins(addresses);
  return {
    ping: async () => {
      try {
        await pool.query('select 1');
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === INVALID_CATALOG_NAME) return;
        if (code?.startsWith('28'))
          throw new StepError('AccessDenied', 'PostgreSQL refuses the user or password of DATABASE_URL', {
            lasting: true,
          });
        throw unreachable('PostgreSQL', 'DATABASE_URL', error);
      }
    },
    migrate: async () => {
      const applied = await migrateLedger(databaseUrl, log);
      const made = await ensureStageLogins(pool, electionId, logins);
      if (made.length > 0) log.info({ logins: made }, 'the stages’ logins are made');
      return applied;
    },
    published: async () => {
      try {
        return await ledger.published();
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === INVALID_CATALOG_NAME || code === UNDEFINED_TABLE) return undefined;
        throw error;
      }
    },
    identity: () => ledger.identity(),
    publishElection: (document, phase) => ledger.publishElection(document, phase),
    counts: () => ledger.counts(),
    participants: () => ledger.participants(),
    invariants: () => ledger.invariants(),
    close: async (digest, at) => {
      // It can't be taken back: were this machine's clock alone ahead, votes would go on being accepted for a result that is final.
      const left = await ledger.secondsToClosing();
      if (left > 0)
        throw new StepError(
          'ClocksDiffer',
          `by PostgreSQL’s clock the election closes in ${Math.ceil(left)} s, and nothing was declared final; set the operator’s clock right, or PostgreSQL’s`,
        );
      return ledger.close(digest, at);
    },
    closed: () => ledger.closed(),
    remove: () => dropLedger(databaseUrl, (client) => dropStageLogins(client, electionId, logins)),
  };
}

function stageLogins({
  databaseUrl,
  aggregationDatabaseUrl,
  resultsDatabaseUrl,
}: ServerAddresses): StageLogin[] {
  const owner = new URL(databaseUrl).username;
  const login = (url: string | undefined, role: StageLogin['role']): StageLogin[] => {
    if (url === undefined) return [];
    const { username, password } = new URL(url);
    const name = decodeURIComponent(username);
    return username === owner ? [] : [{ name, password: decodeURIComponent(password), role }];
  };
  return [...login(aggregationDatabaseUrl, 'scrutin_writer'), ...login(resultsDatabaseUrl, 'scrutin_reader')];
}

const unreachable = (server: string, setting: string, cause: unknown): StepError =>
  new StepError('Unreachable', `${server} does not answer; start it, or correct ${setting}`, { cause });
