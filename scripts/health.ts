import { Command } from 'commander';
import pc from 'picocolors';
import { postgresAnswers } from './servers/postgres-server.ts';
import { rabbitmqAnswers } from './servers/rabbitmq-server.ts';
import { redisAnswers } from './servers/redis-server.ts';
import { stageUrls } from './stack/stages.ts';
import { runCommand } from './stack/steps.ts';
import { findTarget } from './stack/target.ts';

/** `npm run health`: asks every server and stage. Exit code 0 only if all is well. */
const program = new Command('npm run health --')
  .description('Asks every server and every stage how it is; exit code 0 only if all are well.')
  .option('--json', 'as JSON')
  .parse();
const { json } = program.opts<{ json?: boolean }>();

interface State {
  name: string;
  ok: boolean;
  detail: string;
}

async function askStage(name: string, url: string): Promise<State> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    const report = (await response.json()) as {
      status?: string;
      uptime_s?: number;
      dependencies?: Record<string, { status: string; detail?: string; latency_ms?: number }>;
    };
    const dependencies = Object.entries(report.dependencies ?? {}).map(([dependency, state]) =>
      state.status === 'up' ? dependency : `${dependency} is down: ${state.detail ?? ''}`,
    );
    const up = report.uptime_s === undefined ? '' : `up ${report.uptime_s} s; `;
    return {
      name,
      ok: response.ok,
      detail: `${report.status ?? response.status}; ${up}${dependencies.join(', ')}`,
    };
  } catch {
    return { name, ok: false, detail: `does not answer at ${url}` };
  }
}

await runCommand(async () => {
  const { servers, file, running } = findTarget();
  const server = async (name: string, answers: Promise<boolean>): Promise<State> => {
    const ok = await answers;
    return { name, ok, detail: ok ? 'answers' : 'does not answer' };
  };
  const states = await Promise.all([
    server('Redis', redisAnswers(servers.REDIS_URL)),
    server('RabbitMQ', rabbitmqAnswers(servers.RABBITMQ_MANAGEMENT_URL)),
    server('PostgreSQL', postgresAnswers(servers.DATABASE_URL)),
    ...stageUrls(file).map(([name, url]) => askStage(name, url)),
  ]);
  if (json) process.stdout.write(`${JSON.stringify(states, null, 2)}\n`);
  else
    for (const { name, ok, detail } of states)
      process.stdout.write(`${ok ? pc.green('✔') : pc.red('✖')} ${name.padEnd(13)} ${detail}\n`);
  if (!running && file) process.stderr.write('npm start is not running here.\n');
  return states.every(({ ok }) => ok) ? 0 : 1;
});
