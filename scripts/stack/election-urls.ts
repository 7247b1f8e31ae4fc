import { electionDatabaseUrl, electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import type { ServerUrls } from '../servers/servers.ts';

/** The servers' addresses with the election's own virtual host and database. */
export const electionUrls = (urls: ServerUrls, electionId: string): ServerUrls => ({
  ...urls,
  RABBITMQ_URL: electionRabbitmqUrl(urls.RABBITMQ_URL, electionId),
  DATABASE_URL: electionDatabaseUrl(urls.DATABASE_URL, electionId),
});
