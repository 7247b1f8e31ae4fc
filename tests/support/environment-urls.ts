import type { ServerUrls } from '../../scripts/servers/servers.ts';

/** The servers that `npm test` has started or was given. Throws if there are none. */
export function environmentUrls(env: NodeJS.ProcessEnv = process.env): ServerUrls {
  const { REDIS_URL, RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL, DATABASE_URL } = env;
  if (!REDIS_URL || !RABBITMQ_URL || !RABBITMQ_MANAGEMENT_URL || !DATABASE_URL)
    throw new Error('no servers: run the tests with "npm test -- <file>", which starts them');
  return { REDIS_URL, RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL, DATABASE_URL };
}
