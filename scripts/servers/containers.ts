import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { PLUGINS, rabbitmqConfig } from './rabbitmq-server.ts';
import { redisConfig } from './redis-server.ts';
import type { ServerName, StateFile } from './state.ts';

const exec = promisify(execFile);

/** Official images only. */
const IMAGES: Record<ServerName, string> = {
  redis: 'docker.io/library/redis:7-alpine',
  rabbitmq: 'docker.io/library/rabbitmq:4-management',
  postgres: 'docker.io/library/postgres:17-alpine',
};

/** A container engine that works here: `docker` or `podman`, or undefined. */
export async function findEngine(engines = ['docker', 'podman']): Promise<string | undefined> {
  for (const engine of engines) {
    try {
      // Without a server behind it, docker info prints no server version and fails.
      await exec(engine, ['info'], { timeout: 10_000 });
      return engine;
    } catch {}
  }
  return undefined;
}

/** The arguments of `run` for one server; its secrets travel in files, never on a command line. */
export function containerArguments(file: StateFile, name: ServerName): string[] {
  const { ports, id } = file.state;
  const publish = (port: number | undefined, inside: number) => ['-p', `127.0.0.1:${port}:${inside}`];
  const mount = (from: string, to: string) => ['-v', `${from}:${to}`];
  const begin = ['run', '-d', '--name', `scrutin-${id}-${name}`, '--label', `scrutin=${id}`];
  const config = file.path(`${name}-container`);
  switch (name) {
    case 'redis':
      return [
        ...begin,
        ...publish(ports.redis, 6379),
        ...mount(file.path('redis-volume'), '/data'),
        ...mount(`${config}/redis.conf`, '/etc/redis.conf:ro'),
        IMAGES.redis,
        'redis-server',
        '/etc/redis.conf',
      ];
    case 'rabbitmq':
      return [
        ...begin,
        // The node's files carry its name, which is made of the host's.
        ...['--hostname', 'scrutin'],
        ...publish(ports.rabbitmq, 5672),
        ...publish(ports.rabbitmqManagement, 15_672),
        ...publish(ports.rabbitmqPrometheus, 15_692),
        ...mount(file.path('rabbitmq-volume'), '/var/lib/rabbitmq'),
        ...mount(`${config}/rabbitmq.conf`, '/etc/rabbitmq/rabbitmq.conf:ro'),
        ...mount(`${config}/enabled_plugins`, '/etc/rabbitmq/enabled_plugins:ro'),
        IMAGES.rabbitmq,
      ];
    case 'postgres':
      return [
        ...begin,
        ...publish(ports.postgres, 5432),
        ...mount(file.path('postgres-volume'), '/var/lib/postgresql/data'),
        ...mount(`${config}/password`, '/run/secrets/password:ro'),
        ...['-e', 'POSTGRES_PASSWORD_FILE=/run/secrets/password'],
        ...['-e', 'PGDATA=/var/lib/postgresql/data/pgdata'],
        ...['-e', 'POSTGRES_INITDB_ARGS=--auth=scram-sha-256'],
        IMAGES.postgres,
        ...['postgres', '-c', 'max_connections=200', '-c', 'log_min_error_statement=panic'],
      ];
  }
}

/** Starts a server's container, or the one that is there from before. Its data lie in the data folder. */
export async function startContainer(file: StateFile, name: ServerName, engine: string): Promise<void> {
  const container = `scrutin-${file.state.id}-${name}`;
  const { ports, passwords } = file.state;
  const config = file.path(`${name}-container`);
  mkdirSync(config, { recursive: true, mode: 0o711 });
  mkdirSync(file.path(`${name}-volume`), { recursive: true });
  // The images' own users must read these: the folder above keeps other people of this machine out.
  const write = (path: string, text: string) => {
    writeFileSync(`${config}/${path}`, text);
    chmodSync(`${config}/${path}`, 0o644);
  };
  if (name === 'redis')
    write(
      'redis.conf',
      redisConfig({ port: 6379, password: passwords.redis, folder: '/data', bind: '0.0.0.0' }),
    );
  if (name === 'rabbitmq') {
    const inside = { amqp: 5672, management: 15_672, prometheus: 15_692 };
    write('rabbitmq.conf', rabbitmqConfig(inside, '0.0.0.0', passwords.rabbitmq));
    write('enabled_plugins', PLUGINS);
  }
  if (name === 'postgres') write('password', passwords.postgres);
  file.update({ containers: { ...file.state.containers, [name]: { engine, name: container } } });
  // One with other ports, of an older start, is thrown away; the data are not in it.
  await exec(engine, ['rm', '-f', container]).catch(() => {});
  try {
    await exec(engine, containerArguments(file, name), { timeout: 600_000 });
  } catch (error) {
    throw new Error(
      `${engine} can’t run ${IMAGES[name]} (ports ${Object.values(ports).join(', ')}): ${(error as { stderr?: string }).stderr || (error as Error).message}`,
    );
  }
}

/** True while the server's container runs. */
export async function containerRuns(file: StateFile, name: ServerName): Promise<boolean> {
  const container = file.state.containers[name];
  if (!container) return false;
  try {
    const { stdout } = await exec(container.engine, ['inspect', '-f', '{{.State.Running}}', container.name]);
    return stdout.trim() === 'true';
  } catch {
    return false;
  }
}

/** Stops and removes the server's container; its data stay. */
export async function stopContainer(file: StateFile, name: ServerName): Promise<void> {
  const { [name]: container, ...others } = file.state.containers;
  if (!container) return;
  await exec(container.engine, ['stop', '-t', '20', container.name]).catch(() => {});
  await exec(container.engine, ['rm', '-f', container.name]).catch(() => {});
  file.update({ containers: others });
}

/** The last lines that a container printed. */
export async function containerLog(file: StateFile, name: ServerName): Promise<string> {
  const container = file.state.containers[name];
  if (!container) return '';
  const { stdout, stderr } = await exec(container.engine, ['logs', '--tail', '12', container.name]).catch(
    () => ({ stdout: '', stderr: '' }),
  );
  return (stdout + stderr).trimEnd();
}
