import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { launch } from './launch.ts';
import type { StateFile } from './state.ts';

export interface RabbitmqPorts {
  amqp: number;
  management: number;
  prometheus: number;
}

/**
 * RabbitMQ's configuration. The user given here is made instead of `guest` when the node starts on an empty
 * folder. The alarms stand well below a laptop's or a small machine's limits, so that the broker pushes
 * back (P6) before the disk is full.
 */
export function rabbitmqConfig(ports: RabbitmqPorts, bind: string, password: string): string {
  return [
    `listeners.tcp.local = ${bind}:${ports.amqp}`,
    `management.tcp.ip = ${bind}`,
    `management.tcp.port = ${ports.management}`,
    `prometheus.tcp.ip = ${bind}`,
    `prometheus.tcp.port = ${ports.prometheus}`,
    'default_user = scrutin',
    `default_pass = ${password}`,
    'default_user_tags.administrator = true',
    'loopback_users = none',
    'vm_memory_high_watermark.relative = 0.4',
    'disk_free_limit.absolute = 512MB',
    // The management database refreshes queue depths so often (milliseconds): npm run stats reads them.
    'collect_statistics_interval = 2000',
    'log.console = true',
    'log.console.level = info',
    'log.file = false',
    '',
  ].join('\n');
}

export const rabbitmqUrl = ({ state }: StateFile): string =>
  `amqp://scrutin:${state.passwords.rabbitmq}@127.0.0.1:${state.ports.rabbitmq}`;

export const rabbitmqManagementUrl = ({ state }: StateFile): string =>
  `http://scrutin:${state.passwords.rabbitmq}@127.0.0.1:${state.ports.rabbitmqManagement}`;

export const PLUGINS = '[rabbitmq_management,rabbitmq_prometheus].\n';

/** The environment by which the node, and whatever talks to it by Erlang’s own protocol, is the private one. */
export function nodeEnvironment(file: StateFile): NodeJS.ProcessEnv {
  const { ports, id } = file.state;
  const home = file.path('rabbitmq');
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    // Its Erlang cookie is made here.
    HOME: home,
    RABBITMQ_NODENAME: `scrutin-${id}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.rabbitmq),
    RABBITMQ_DIST_PORT: String(ports.rabbitmqDistribution),
    RABBITMQ_MNESIA_BASE: file.path('rabbitmq', 'mnesia'),
    RABBITMQ_LOG_BASE: file.path('rabbitmq', 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file.path('rabbitmq', 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: file.path('rabbitmq', 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: file.path('rabbitmq', 'rabbitmq-env.conf'),
    // A port mapper of our own, on the loopback alone: the system's, if there is one, is left as it is.
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
    // Makes the script replace itself by the Erlang machine, which takes SIGTERM as an orderly stop.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

/** Starts the port mapper that the node needs; resolves with its pid. */
export const launchEpmd = (file: StateFile, epmd: string): Promise<number> =>
  launch({
    program: epmd,
    args: ['-port', String(file.state.ports.epmd), '-address', '127.0.0.1'],
    log: file.path('logs', 'epmd.log'),
  });

/** Starts RabbitMQ on its kept ports; resolves with its pid. */
export async function launchRabbitmq(file: StateFile, server: string): Promise<number> {
  for (const folder of ['', 'mnesia', 'log'])
    mkdirSync(file.path('rabbitmq', folder), { recursive: true, mode: 0o700 });
  const { ports, passwords } = file.state;
  writeFileSync(
    file.path('rabbitmq', 'rabbitmq.conf'),
    rabbitmqConfig(
      {
        amqp: ports.rabbitmq!,
        management: ports.rabbitmqManagement!,
        prometheus: ports.rabbitmqPrometheus!,
      },
      '127.0.0.1',
      passwords.rabbitmq,
    ),
    { mode: 0o600 },
  );
  writeFileSync(file.path('rabbitmq', 'enabled_plugins'), PLUGINS);
  writeFileSync(file.path('rabbitmq', 'rabbitmq-env.conf'), '');
  return launch({
    program: server,
    args: [],
    env: nodeEnvironment(file),
    cwd: file.path('rabbitmq'),
    log: file.path('logs', 'rabbitmq.log'),
  });
}

/**
 * Spares an orderly stop five seconds of waiting. RabbitMQ 3.10's statistics handler, when it is ended with
 * the node, calls the very process that waits for its end, until that call times out; taken out before, it
 * ends at once (7.2 s → 1.1 s). Where this can't be done (no erl_call, another version) nothing is lost.
 */
export async function hastenRabbitmqStop(file: StateFile): Promise<void> {
  const { HOME, ERL_EPMD_PORT, RABBITMQ_NODENAME, PATH } = nodeEnvironment(file);
  const call = 'gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]';
  await promisify(execFile)('erl_call', ['-sname', RABBITMQ_NODENAME!, '-a', call], {
    env: { HOME, ERL_EPMD_PORT, PATH },
    timeout: 2_000,
  }).catch(() => {});
}

/** True if the node runs, its users are there, and the management API answers them. */
export async function rabbitmqAnswers(managementUrl: string): Promise<boolean> {
  const url = new URL('/api/whoami', managementUrl);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  url.username = url.password = '';
  try {
    const response = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
