import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@scrutin/shared/testing/virtual-host.ts';
import { PLUGINS, rabbitmqAnswers } from '../../scripts/servers/rabbitmq-server.ts';
import { LOOK } from './look.ts';
import { ServerProcess } from './server-process.ts';
import { ServiceAddress } from './service-address.ts';

export interface RabbitmqPrograms {
  server: string;
  epmd: string;
}

export interface RabbitmqNode {
  name: string;
  process: ServerProcess;
  amqp: number;
  management: number;
}

/** What a node's API says of a queue. */
interface QueueAnswer {
  leader?: string;
  online?: string[];
}

interface ConnectionAnswer {
  node: string;
  client_properties: { connection_name?: string };
}

/** A node takes ten seconds, on a machine that is busy many times that. */
const START_LIMIT_MS = 180_000;
const COOKIE = 'scrutin-replicated';

/** Three RabbitMQ nodes that find each other, behind one address for AMQP and one for the management API. */
export class RabbitmqCluster {
  readonly nodes: readonly RabbitmqNode[];
  readonly #epmd: ServerProcess;
  readonly #amqp: ServiceAddress;
  readonly #management: ServiceAddress;

  private constructor(
    nodes: RabbitmqNode[],
    epmd: ServerProcess,
    amqp: ServiceAddress,
    management: ServiceAddress,
  ) {
    this.nodes = nodes;
    this.#epmd = epmd;
    this.#amqp = amqp;
    this.#management = management;
  }

  static async start(
    folder: string,
    { server, epmd }: RabbitmqPrograms,
    nextPort: () => Promise<number>,
  ): Promise<RabbitmqCluster> {
    const names = ['a', 'b', 'c'].map((letter) => `${letter}-${process.pid}@localhost`);
    const epmdPort = await nextPort();
    const mapper = new ServerProcess({
      program: epmd,
      args: ['-port', String(epmdPort), '-address', '127.0.0.1'],
      cwd: folder,
      log: join(folder, 'epmd.log'),
    });
    mapper.start();
    const nodes: RabbitmqNode[] = [];
    for (const name of names) {
      const [amqp, management, distribution] = [await nextPort(), await nextPort(), await nextPort()];
      const home = join(folder, `rabbitmq-${name[0]}`);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      writeFileSync(join(home, '.erlang.cookie'), COOKIE, { mode: 0o400 });
      writeFileSync(join(home, 'enabled_plugins'), PLUGINS.replace(',rabbitmq_prometheus', ''));
      writeFileSync(join(home, 'rabbitmq-env.conf'), '');
      writeFileSync(join(home, 'rabbitmq.conf'), configuration(names, amqp, management));
      const program = {
        program: server,
        args: [],
        cwd: home,
        log: join(home, 'log'),
        env: {
          PATH: process.env.PATH,
          HOME: home,
          LC_ALL: 'C.UTF-8',
          RABBITMQ_NODENAME: name,
          RABBITMQ_NODE_PORT: String(amqp),
          RABBITMQ_DIST_PORT: String(distribution),
          RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
          RABBITMQ_LOG_BASE: join(home, 'logs'),
          RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
          RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
          RABBITMQ_CONF_ENV_FILE: join(home, 'rabbitmq-env.conf'),
          ERL_EPMD_PORT: String(epmdPort),
          ERL_EPMD_ADDRESS: '127.0.0.1',
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
            '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
          RUNNING_UNDER_SYSTEMD: 'true',
        },
      };
      nodes.push({ name, process: new ServerProcess(program), amqp, management });
    }
    const amqp = await ServiceAddress.open(nodes.map((node) => node.amqp));
    const management = await ServiceAddress.open(nodes.map((node) => node.management));
    const cluster = new RabbitmqCluster(nodes, mapper, amqp, management);
    try {
      // The first one forms the cluster, the others find it: two that begin at once might each form their own.
      for (const node of nodes) {
        node.process.start();
        await cluster.answers(node);
      }
      await cluster.#oneCluster(60_000);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return `amqp://scrutin:scrutin@127.0.0.1:${this.#amqp.port}`;
  }

  get managementUrl(): string {
    return `http://scrutin:scrutin@127.0.0.1:${this.#management.port}`;
  }

  /** The node that leads a queue. */
  async leaderOf(virtualHost: string, queue: string): Promise<RabbitmqNode> {
    const { leader } = (await this.#get(`queues/${encodeURIComponent(virtualHost)}/${queue}`)) as QueueAnswer;
    const node = this.nodes.find(({ name }) => name === leader);
    if (!node) throw new Error(`no node leads ${queue}`);
    return node;
  }

  /** The node that a client is connected to; `client` is how the connection's name begins. */
  async nodeOf(virtualHost: string, client: string): Promise<RabbitmqNode | undefined> {
    const open = (await this.#get(
      `vhosts/${encodeURIComponent(virtualHost)}/connections`,
    )) as ConnectionAnswer[];
    const ours = open.find(({ client_properties: { connection_name = '' } }) =>
      connection_name.startsWith(client),
    );
    return this.nodes.find(({ name }) => name === ours?.node);
  }

  /** Copies of a queue on nodes that run. */
  async copiesOf(virtualHost: string, queue: string): Promise<number> {
    const { online } = (await this.#get(`queues/${encodeURIComponent(virtualHost)}/${queue}`)) as QueueAnswer;
    return online?.length ?? 0;
  }

  async answers({ name, management, process }: RabbitmqNode): Promise<void> {
    const url = `http://scrutin:scrutin@127.0.0.1:${management}`;
    const answers = () => {
      process.mustRun();
      return rabbitmqAnswers(url);
    };
    await until(`RabbitMQ ${name} answers; see ${process.log}`, answers, START_LIMIT_MS, LOOK);
  }

  /** Has back what is gone, with its copies of the queues. */
  async mend(virtualHost: string, queues: readonly string[], limitMs: number): Promise<void> {
    for (const { process } of this.nodes) process.start();
    await this.#oneCluster(limitMs);
    for (const queue of queues)
      await until(
        `${queue} has a copy on each of three RabbitMQ nodes`,
        async () => (await this.copiesOf(virtualHost, queue)) === 3,
        limitMs,
        LOOK,
      );
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.end()));
    await this.#epmd.end();
    await Promise.all([this.#amqp.close(), this.#management.close()]);
  }

  async #oneCluster(limitMs: number): Promise<void> {
    const all = async () => {
      const nodes = (await this.#get('nodes')) as { running: boolean }[];
      return nodes.filter(({ running }) => running).length === this.nodes.length;
    };
    await until('three RabbitMQ nodes are one cluster', all, limitMs, LOOK);
  }

  async #get(path: string): Promise<unknown> {
    const authorization = `Basic ${Buffer.from('scrutin:scrutin').toString('base64')}`;
    const running = this.nodes.find(({ process }) => process.running)!;
    const response = await fetch(`http://127.0.0.1:${running.management}/api/${path}`, {
      headers: { authorization },
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`GET /api/${path} of RabbitMQ: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

const configuration = (names: readonly string[], amqp: number, management: number): string =>
  [
    `listeners.tcp.local = 127.0.0.1:${amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${management}`,
    'default_user = scrutin',
    'default_pass = scrutin',
    'default_user_tags.administrator = true',
    'loopback_users = none',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...names.map((name, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}`),
    // On one machine no network parts the nodes, and the first one must not pause while the second one joins.
    'cluster_partition_handling = ignore',
    'collect_statistics_interval = 1000',
    'disk_free_limit.absolute = 256MB',
    'log.console = true',
    'log.console.level = warning',
    'log.file = false',
    '',
  ].join('\n');
