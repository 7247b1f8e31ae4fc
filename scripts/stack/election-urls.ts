import { virtualHost } from '@scrutin/shared/topology.ts';
import type { ServerUrls } from '../servers/servers.ts';

/** The election's own addresses on the servers: its virtual host and its database. */
export function electionUrls(urls: ServerUrls, electionId: string): ServerUrls {
  const rabbitmq = new URL(urls.RABBITMQ_URL);
  rabbitmq.pathname = `/${virtualHost(electionId)}`;
  const postgres = new URL(urls.DATABASE_URL);
  postgres.pathname = `/scrutin_${electionId.replaceAll('-', '_')}`;
  return { ...urls, RABBITMQ_URL: rabbitmq.href, DATABASE_URL: postgres.href };
}
