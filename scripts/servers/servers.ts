import { pause } from '@scrutin/shared/retry.ts';
import { type Binaries, findBinaries, missing } from './binaries.ts';
import { containerLog, containerRuns, findEngine, startContainer, stopContainer } from './containers.ts';
import { accepts, freePort, isFree } from './free-port.ts';
import { waitUntilReady } from './launch.ts';
import { agreed, install, installCommand, planInstallation } from './packages.ts';
import {
  launchPostgres,
  postgresAnswers,
  postgresFolder,
  postgresMajor,
  postgresUrl,
} from './postgres-server.ts';
import { endProcess } from './process-identity.ts';
import {
  hastenRabbitmqStop,
  launchEpmd,
  launchRabbitmq,
  rabbitmqAnswers,
  rabbitmqManagementUrl,
  rabbitmqUrl,
} from './rabbitmq-server.ts';
import { launchRedis, redisAnswers, redisUrl } from './redis-server.ts';
import { SERVERS, type ServerName, type StateFile } from './state.ts';

/** The addresses of the three servers. RabbitMQ's and PostgreSQL's are the administrator's. */
export interface ServerUrls {
  REDIS_URL: string;
  RABBITMQ_URL: string;
  RABBITMQ_MANAGEMENT_URL: string;
  DATABASE_URL: string;
}

/** Which variables of the environment stand in for a private server. */
const GIVEN: Record<ServerName, keyof ServerUrls> = {
  redis: 'REDIS_URL',
  rabbitmq: 'RABBITMQ_URL',
  postgres: 'DATABASE_URL',
};

/** Kept ports and where the search for a free one begins: below those that systems give to outgoing connections. */
const PORTS: Record<ServerName, Record<string, number>> = {
  redis: { redis: 26_379 },
  rabbitmq: {
    rabbitmq: 25_672,
    rabbitmqManagement: 28_672,
    rabbitmqPrometheus: 29_692,
    rabbitmqDistribution: 30_672,
    epmd: 24_369,
  },
  postgres: { postgres: 27_432 },
};

/** Milliseconds that a server may take to be ready; recovering from a crash may take longer than a start. */
const START_LIMIT_MS = 120_000;

/** What can't go on without a person; the message says what to do. */
export class ServersError extends Error {
  override name = 'ServersError';
}

export interface Telling {
  /** Runs `work` as a step that is shown; `detail` adds what it found out. */
  step<T>(title: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
}

/** The servers that the environment doesn't name, so that private ones are needed. */
export const privateServers = (env: NodeJS.ProcessEnv = process.env): ServerName[] =>
  SERVERS.filter((name) => !env[GIVEN[name]]);

/** The addresses: from the environment where it names them, else of the private servers. */
export function serverUrls(file: StateFile, env: NodeJS.ProcessEnv = process.env): ServerUrls {
  if (env.RABBITMQ_URL && !env.RABBITMQ_MANAGEMENT_URL)
    throw new ServersError(
      'RABBITMQ_URL is set; RABBITMQ_MANAGEMENT_URL (http://user:password@host:15672) is needed as well',
    );
  return {
    REDIS_URL: env.REDIS_URL || redisUrl(file),
    RABBITMQ_URL: env.RABBITMQ_URL || rabbitmqUrl(file),
    RABBITMQ_MANAGEMENT_URL: (env.RABBITMQ_URL && env.RABBITMQ_MANAGEMENT_URL) || rabbitmqManagementUrl(file),
    DATABASE_URL: env.DATABASE_URL || postgresUrl(file),
  };
}

/**
 * Brings up the private servers that are needed and don't run yet, in parallel, installing what is missing.
 * Resolves with the addresses and the names of those that were started by this call. `also`: packages that the question
 * of what to install is to name too; they are not installed here.
 * Throws {@link ServersError} if something is missing that can't be had.
 */
export async function serversUp(
  file: StateFile,
  options: { tell: Telling; yes: boolean; env?: NodeJS.ProcessEnv; also?: readonly string[] },
): Promise<{ urls: ServerUrls; started: ServerName[] }> {
  const { tell, yes, env = process.env, also = [] } = options;
  const wanted = privateServers(env);
  // Asked for first: what is wrong with the environment is told before anything is started.
  serverUrls(file, env);
  const stopped: ServerName[] = [];
  for (const name of wanted) if (!(await runs(file, name))) stopped.push(name);
  const provision = await provide(file, stopped, tell, yes, also);
  await choosePorts(file, stopped, tell);
  const results = await Promise.allSettled(
    wanted.map((name) =>
      tell.step(LABELS[name], async (detail) => {
        await startAnew(file, name, stopped.includes(name), provision, tell);
        detail(`127.0.0.1:${file.state.ports[name]}${stopped.includes(name) ? '' : ', runs already'}`);
      }),
    ),
  );
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
  return { urls: serverUrls(file, env), started: stopped };
}

/** Stops the private servers that run: in order, gently, and by force after a limit. Their data stay. */
export async function serversDown(file: StateFile, names: readonly ServerName[] = SERVERS): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      if (file.state.containers[name]) await stopContainer(file, name);
      const identity = file.running(name);
      if (identity && name === 'rabbitmq') await hastenRabbitmqStop(file);
      // PostgreSQL's SIGTERM waits for clients to leave; ours have left, a stranger's is not waited for long.
      if (identity) await endProcess(identity, name === 'postgres' ? 10_000 : 30_000);
      if (file.state.processes[name]) file.setProcess(name, undefined);
    }),
  );
  if (names.includes('rabbitmq')) {
    const epmd = file.running('epmd');
    if (epmd) await endProcess(epmd, 2_000);
    if (file.state.processes.epmd) file.setProcess('epmd', undefined);
  }
}

/** True while the server's private instance runs (ready or not). */
export async function runs(file: StateFile, name: ServerName): Promise<boolean> {
  return file.running(name) !== undefined || (await containerRuns(file, name));
}

const LABELS: Record<ServerName, string> = { redis: 'Redis', rabbitmq: 'RabbitMQ', postgres: 'PostgreSQL' };

const ANSWERS: Record<ServerName, (file: StateFile) => Promise<boolean>> = {
  redis: (file) => redisAnswers(redisUrl(file)),
  rabbitmq: (file) => rabbitmqAnswers(rabbitmqManagementUrl(file)),
  postgres: (file) => postgresAnswers(postgresUrl(file)),
};

type Provision = { binaries: Binaries; engine: string | undefined };

/** Finds the programs of the servers to start, installs what is missing, or finds a container engine. */
async function provide(
  file: StateFile,
  names: readonly ServerName[],
  tell: Telling,
  yes: boolean,
  also: readonly string[],
): Promise<Provision> {
  const major = postgresMajor(file.state.postgresFolder ?? file.path('postgres'));
  const look = () => findBinaries({ postgresMajor: major });
  let binaries = look();
  let lacking = missing(binaries, names);
  if (lacking.length === 0) return { binaries, engine: undefined };
  if (major !== undefined && lacking.includes('postgres') && findBinaries().postgres)
    throw new ServersError(
      `The data in ${postgresFolder(file)} were made by PostgreSQL ${major}, which isn’t installed any more. Install postgresql-${major}, or begin anew with "npm run reset".`,
    );
  const installation = planInstallation(lacking);
  let why = 'apt-get with root or sudo is not there';
  if (installation) {
    const list = installation.packages.join(', ');
    const ask = `Install ${[...installation.packages, ...also].join(', ')} from the distribution? No service is started by it.`;
    if (!(await agreed(ask, yes)))
      throw new ServersError(`Nothing was installed. To do it yourself: ${installCommand(lacking)}`);
    tell.note(`Installing ${list} from the distribution; no service is started by it.`);
    const failure = await tell.step(`Packages ${list}`, async () => install(installation)).catch(String);
    binaries = look();
    lacking = missing(binaries, names);
    if (lacking.length === 0) return { binaries, engine: undefined };
    why = failure ?? 'the packages hold no program that was looked for';
  }
  const engine = await findEngine();
  if (engine) {
    tell.note(`${lacking.map((name) => LABELS[name]).join(', ')}: official images, run by ${engine}.`);
    return { binaries, engine };
  }
  throw new ServersError(
    `Missing: ${lacking.map((name) => LABELS[name]).join(', ')}. They can’t be installed here (${why}), and there is no working Docker or Podman.\nInstall them with\n\n  ${installCommand(lacking)}\n\nor name servers of your own: ${lacking.map((name) => GIVEN[name]).join(', ')}.`,
  );
}

/** Ports are chosen once and kept, unless somebody else has taken one in the meantime. */
async function choosePorts(file: StateFile, names: readonly ServerName[], tell: Telling): Promise<void> {
  for (const name of names) {
    for (const [port, first] of Object.entries(PORTS[name])) {
      const kept = file.state.ports[port];
      // The port mapper outlives a broker that was killed: its port is taken, by itself.
      if (port === 'epmd' && kept !== undefined && file.running('epmd')) continue;
      if (kept !== undefined && (await portComesFree(kept))) continue;
      const taken = new Set(Object.values(file.state.ports));
      file.setPort(port, await freePort(first + portOffset(file), taken));
      if (kept !== undefined)
        tell.note(`Port ${kept} of ${port} is taken by another program; now ${file.state.ports[port]}.`);
    }
  }
}

/**
 * Each folder looks for its ports at a place of its own, so that two that start at the same moment don't
 * both find the same port free.
 */
export const portOffset = ({ state }: StateFile): number =>
  10 * (Number.parseInt(state.id.slice(0, 4), 16) % 40);

/** After a SIGKILL the children of a server may hold its port for a moment. */
async function portComesFree(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await isFree(port)) return true;
    await pause(100);
  }
  return false;
}

/** Starts a server; once more, on other ports, if somebody took one between the choice and the start. */
async function startAnew(
  file: StateFile,
  name: ServerName,
  wasStopped: boolean,
  provision: Provision,
  tell: Telling,
): Promise<void> {
  try {
    await start(file, name, wasStopped, provision);
  } catch (error) {
    const taken = await Promise.all(Object.keys(PORTS[name]).map((port) => isFree(file.state.ports[port]!)));
    if (!wasStopped || (await runs(file, name)) || taken.every((free) => free)) throw error;
    await choosePorts(file, [name], tell);
    await start(file, name, true, provision);
  }
}

async function start(
  file: StateFile,
  name: ServerName,
  wasStopped: boolean,
  { binaries, engine }: Provision,
): Promise<void> {
  const log = file.path('logs', `${name}.log`);
  if (wasStopped) {
    const pid = await launchServer(file, name, binaries);
    if (pid !== undefined) file.setProcess(name, pid);
    else await startContainer(file, name, engine!);
  }
  const contained = file.state.containers[name] !== undefined;
  await waitUntilReady({
    name: LABELS[name],
    log,
    timeoutMs: START_LIMIT_MS,
    // A container's state is asked for only at the end: it is slow to tell, and the server's answer is enough.
    alive: () => contained || file.running(name) !== undefined,
    ready: () => ANSWERS[name](file),
  }).catch(async (error: Error) => {
    if (contained) error.message += `\n${await containerLog(file, name)}`;
    throw error;
  });
}

async function launchServer(
  file: StateFile,
  name: ServerName,
  binaries: Binaries,
): Promise<number | undefined> {
  switch (name) {
    case 'redis':
      return binaries.redis && launchRedis(file, binaries.redis.server);
    case 'postgres':
      return binaries.postgres && launchPostgres(file, binaries.postgres.bin);
    case 'rabbitmq': {
      if (!binaries.rabbitmq) return undefined;
      if (!file.running('epmd')) file.setProcess('epmd', await launchEpmd(file, binaries.rabbitmq.epmd));
      // RabbitMQ would start a port mapper of its own, which outlives it, if it found none.
      await waitUntilReady({
        name: 'epmd',
        log: file.path('logs', 'epmd.log'),
        timeoutMs: 10_000,
        alive: () => file.running('epmd') !== undefined,
        ready: () => accepts(file.state.ports.epmd!),
      });
      return launchRabbitmq(file, binaries.rabbitmq.server);
    }
  }
}
