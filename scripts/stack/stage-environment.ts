import type { ServerUrls } from '../servers/servers.ts';
import type { StateFile } from '../servers/state.ts';
import { electionUrls } from './election-urls.ts';
import { pepperFile } from './pepper.ts';
import { stagePort } from './stages.ts';

/** The settings that `npm start` gives the stages; what the environment sets beside them stays. */
export async function stageEnvironment(
  file: StateFile,
  servers: ServerUrls,
  electionId: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<NodeJS.ProcessEnv> {
  return {
    // One machine's own requests all come from one address: the limit is there, but wide.
    RATE_LIMIT_PER_MINUTE: '100000',
    LOG_FORMAT: 'json',
    ...(!env.VOTER_PEPPER && { VOTER_PEPPER_FILE: pepperFile(file) }),
    ...env,
    ...electionUrls(servers, electionId),
    ELECTION_ID: electionId,
    RESULTS_URL: `http://127.0.0.1:${await stagePort(file, 'results')}`,
  };
}
