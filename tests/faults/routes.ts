import { TcpProxy } from '@scrutin/shared/testing/tcp-proxy.ts';
import type { ServerUrls } from '../../scripts/servers/servers.ts';
import { MARKS } from './wire/marks.ts';

export type Backing = 'redis' | 'rabbitmq' | 'postgres';

/** Which servers a stage talks to by these connections; its name may have a number at its end. */
export const BACKINGS: Readonly<Record<string, readonly Backing[]>> = {
  operator: ['redis', 'postgres'],
  ingestion: ['redis', 'rabbitmq'],
  validation: ['redis', 'rabbitmq'],
  aggregation: ['rabbitmq', 'postgres'],
  results: ['postgres'],
};

const SETTING = { redis: 'REDIS_URL', rabbitmq: 'RABBITMQ_URL', postgres: 'DATABASE_URL' } as const;

/** A proxy between each stage and each server that it uses, and one between clients and ingestion. */
export class Routes {
  readonly #proxies = new Map<string, TcpProxy>();

  /** Opens those of the stages; {@link toIngestion} comes once ingestion has a port. */
  static async open(stages: readonly string[], urls: ServerUrls): Promise<Routes> {
    const routes = new Routes();
    for (const stage of stages)
      for (const backing of BACKINGS[stage.replace(/-\d+$/, '')]!)
        routes.#proxies.set(
          `${stage}/${backing}`,
          await TcpProxy.to(urls[SETTING[backing]], { marks: MARKS[backing] }),
        );
    return routes;
  }

  /** Resolves with ingestion's address by way of a proxy. */
  async toIngestion(url: string): Promise<string> {
    const proxy = await TcpProxy.to(url, { marks: MARKS.ingestion });
    this.#proxies.set('clients/ingestion', proxy);
    return proxy.through(url).replace(/\/$/, '');
  }

  of(stage: string, server: Backing | 'ingestion'): TcpProxy {
    return this.#proxies.get(`${stage}/${server}`)!;
  }

  /** Names of all, as {@link named} takes them. */
  static names(stages: readonly string[]): string[] {
    const servers = (stage: string) => BACKINGS[stage.replace(/-\d+$/, '')]!;
    return stages.flatMap((stage) => servers(stage).map((backing) => `${stage}/${backing}`));
  }

  named(name: string): TcpProxy {
    return this.#proxies.get(name)!;
  }

  /** The stage's settings with the proxies' addresses in place of the servers'. */
  settings(stage: string, settings: Record<string, string>): Record<string, string> {
    const changed = { ...settings };
    for (const backing of BACKINGS[stage.replace(/-\d+$/, '')]!) {
      const name = SETTING[backing];
      changed[name] = this.of(stage, backing).through(changed[name]!);
    }
    return changed;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}
