import { electionIdSchema } from '@scrutin/shared/election.ts';
import { privateServers, type ServerUrls, serverUrls } from '../servers/servers.ts';
import { defaultFolder, lockOwner, StateFile } from '../servers/state.ts';
import { electionUrls } from './election-urls.ts';

/** The election and servers that a command is about. */
export interface Target {
  folder: string;
  /** The data folder's state, if there is one. */
  file: StateFile | undefined;
  /** `npm start` (or dev) runs here now. */
  running: boolean;
  electionId: string;
  /** The election's own virtual host and database. */
  urls: ServerUrls;
  /** The servers' addresses as the administrator has them. */
  servers: ServerUrls;
}

/**
 * Finds them: by the data folder's state, or by REDIS_URL, RABBITMQ_URL, DATABASE_URL and ELECTION_ID in the
 * environment. A path in one of those names the virtual host or the database itself. Throws if neither says.
 */
export function findTarget(env: NodeJS.ProcessEnv = process.env): Target {
  const folder = defaultFolder(env);
  const known = StateFile.read(folder) !== undefined;
  const named = [env.REDIS_URL, env.RABBITMQ_URL, env.DATABASE_URL].filter(Boolean).length;
  if (!known && named === 0)
    throw new Error(
      `Nothing runs here: ${folder} has no state. Start with "npm start", or name servers by REDIS_URL, RABBITMQ_URL and DATABASE_URL.`,
    );
  const file = known ? StateFile.open(folder) : undefined;
  const electionId = electionIdSchema.parse(env.ELECTION_ID || file?.state.electionId || 'demo');
  const servers = file ? serverUrls(file, env) : givenUrls(env);
  const own = electionUrls(servers, electionId);
  return {
    folder,
    file,
    running: lockOwner(folder) !== undefined,
    electionId,
    servers,
    urls: {
      ...own,
      ...(hasPath(env.RABBITMQ_URL) && { RABBITMQ_URL: env.RABBITMQ_URL as string }),
      ...(hasPath(env.DATABASE_URL) && { DATABASE_URL: env.DATABASE_URL as string }),
    },
  };
}

/** Throws unless the target's servers run: those of this folder do while `npm start` does. */
export function requireServers({ running, file, folder }: Target): void {
  if (!running && file && privateServers().length > 0)
    throw new Error(`npm start is not running here (its data lie in ${folder}); start it first`);
}

/** What the environment doesn't name stays empty: a command that needs it says so when it connects. */
function givenUrls(env: NodeJS.ProcessEnv): ServerUrls {
  const nowhere = (scheme: string) => `${scheme}://127.0.0.1:1`;
  return {
    REDIS_URL: env.REDIS_URL || nowhere('redis'),
    RABBITMQ_URL: env.RABBITMQ_URL || nowhere('amqp'),
    RABBITMQ_MANAGEMENT_URL: env.RABBITMQ_MANAGEMENT_URL || nowhere('http'),
    DATABASE_URL: env.DATABASE_URL || nowhere('postgres'),
  };
}

/** `/postgres` is the server's own database, from which the election's is made: it names no election. */
const hasPath = (url: string | undefined): boolean =>
  url !== undefined && url !== '' && !['', '/', '/postgres'].includes(new URL(url).pathname);
