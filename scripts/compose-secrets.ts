/** `npm run compose-secrets`: makes the secrets that compose.yaml mounts, once. What is there stays as it is. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { electionDatabaseUrl, electionRabbitmqUrl } from '@scrutin/shared/election-urls.ts';
import { Command } from 'commander';
import { rabbitmqConfig } from './servers/rabbitmq-server.ts';
import { redisConfig } from './servers/redis-server.ts';
import { projectFolder } from './servers/state.ts';
import { runCommand } from './stack/steps.ts';

const program = new Command('npm run compose-secrets --')
  .description('Makes the passwords and the pepper of compose.yaml, once; what is there stays as it is.')
  .option(
    '--election <id>',
    'name of the Election that compose.yaml runs (ELECTION_ID)',
    process.env.ELECTION_ID || 'demo',
  )
  .option('--folder <folder>', 'where they go', join(projectFolder, '.scrutin', 'compose'))
  .parse();

await runCommand(async () => {
  const { election, folder } = program.opts<{ election: string; folder: string }>();
  // The containers' users read the files; the folder keeps other people of this machine out.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => {
    writeFileSync(path(name), text, { mode: 0o644 });
    made.push(name);
  };
  const once = (name: string): string => {
    if (!existsSync(path(name))) write(name, randomBytes(32).toString('hex'));
    return readFileSync(path(name), 'utf8').trim();
  };
  /** What is made of a secret and of the Election's name: written again if either is another. */
  const derived = (name: string, text: string) => {
    if (!existsSync(path(name)) || readFileSync(path(name), 'utf8') !== text) write(name, text);
  };

  once('pepper');
  once('grafana_password');
  const postgres = `postgres://postgres:${once('postgres_password')}@postgres:5432/postgres`;
  derived('database_admin_url', postgres);
  derived('database_url', electionDatabaseUrl(postgres, election));

  const rabbitmqPassword = once('rabbitmq_password');
  const ports = { amqp: 5672, management: 15_672, prometheus: 15_692 };
  derived('rabbitmq_conf', rabbitmqConfig(ports, '0.0.0.0', rabbitmqPassword));
  derived('rabbitmq_url', electionRabbitmqUrl(`amqp://scrutin:${rabbitmqPassword}@rabbitmq:5672`, election));
  derived('rabbitmq_management_url', `http://scrutin:${rabbitmqPassword}@rabbitmq:15672`);

  const redisPassword = once('redis_password');
  derived(
    'redis_conf',
    redisConfig({ port: 6379, password: redisPassword, folder: '/data', bind: '0.0.0.0' }),
  );
  derived('redis_url', `redis://:${redisPassword}@redis:6379`);
  derived('redis_exporter', `${JSON.stringify({ 'redis://redis:6379': redisPassword })}\n`);

  process.stdout.write(
    made.length > 0 ? `Written to ${folder}: ${made.join(', ')}\n` : `All are there, in ${folder}\n`,
  );
  process.stdout.write('Keep the pepper: who loses it can’t recognise a voter any more.\n');
  process.stdout.write('\nNext: docker compose up --detach   (docs/images.md has the whole way)\n');
  return 0;
});
