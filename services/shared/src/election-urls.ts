import { virtualHost } from './topology.ts';

/** The election's virtual host on the broker that `rabbitmqUrl` names. */
export function electionRabbitmqUrl(rabbitmqUrl: string, electionId: string): string {
  const url = new URL(rabbitmqUrl);
  url.pathname = `/${virtualHost(electionId)}`;
  return url.href;
}

/** The election's database on the server that `databaseUrl` names. */
export function electionDatabaseUrl(databaseUrl: string, electionId: string): string {
  const url = new URL(databaseUrl);
  url.pathname = `/scrutin_${electionId.replaceAll('-', '_')}`;
  return url.href;
}
