import pc from 'picocolors';
import { SERVERS } from '../../scripts/servers/state.ts';
import type { Steps } from '../../scripts/stack/steps.ts';
import { SCENARIOS, type Size, STEP_SECONDS } from '../k6/scenarios.ts';
import { miscounted } from './check-counts.ts';
import { flood } from './flood.ts';
import { memoryTable, stepsOf, stepTable, sustainable } from './report.ts';
import { runLoad } from './run-load.ts';

/** What must hold at twice the rate that can be sustained (P6). */
const LIMITS = {
  /** Milliseconds within which 95 % of the refusals are there. */
  refusedWithin: 100,
  /** Share of the best accepted rate that is still accepted. */
  stillAccepted: 0.8,
  /** Bytes that a stage may hold at the most: the limit that the chart gives it. */
  memory: 512 * 1_048_576,
};

/** Far more people than fit: past them a vote is not sent, and that is told. */
const CONNECTIONS = 3_000;

/** Servers have limits of their own, and PostgreSQL's and RabbitMQ's files in memory are not theirs alone. */
const isServer = (name: string): boolean => (SERVERS as readonly string[]).includes(name);

/**
 * First the ramp, to find what the system sustains on its cores; then twice that, from one moment to the next. Not by k6, which
 * needs more time for a request than all stages and servers for a vote. Prints both; the exit code is 1 if a vote was lost or counted twice, or a limit was crossed.
 */
export async function overload(
  options: Omit<Parameters<typeof runLoad>[0], 'scenario' | 'label'> & { steps: Steps; connectAnew: boolean },
): Promise<number> {
  const { size, system, connectAnew } = options;
  const ramp: Size = { rate: size.rate, seconds: 0 };
  const rates = SCENARIOS.breaking.steps(ramp);
  const offer = (label: string, first: number, steps: readonly { rate: number; seconds: number }[]) =>
    runLoad({
      ...options,
      scenario: 'overload',
      label,
      generate: async () => {
        const { ingestion: url, roll, laws } = system;
        const plan = { url, roll, laws, first, steps, connections: CONNECTIONS, connectAnew };
        await flood(plan, { folder: options.folder, label }, options.k6Cores);
        return 0;
      },
    });
  const rampRun = await offer(
    'overload-ramp',
    options.first,
    rates.map((rate) => ({ rate, seconds: STEP_SECONDS })),
  );
  const steps = stepsOf(rates, rampRun.summary);
  process.stdout.write(`\n${stepTable(rates, rampRun.summary)}\n\n`);
  const sustained = sustainable(steps);
  if (sustained === 0) throw new Error('not even the first step was followed: there is nothing to double');
  const best = Math.max(...steps.map(({ accepted }) => accepted));
  const run = await offer('overload', options.first + SCENARIOS.breaking.votes(ramp), [
    { rate: 2 * sustained, seconds: size.seconds },
  ]);
  const accepted = run.summary.count('accepted_requests') / size.seconds;
  const refused = run.summary.count('refused') / size.seconds;
  const refusedMs = run.summary.trend('refuse_ms', 'p(95)');
  const figures = (name: string) =>
    ['med', 'p(90)', 'p(95)', 'p(99)']
      .map((figure) => run.summary.trend(name, figure)?.toFixed(0) ?? '–')
      .join(' / ');
  process.stdout.write(`\n${memoryTable(run.memory)}\n\n`);
  process.stdout.write(
    `  twice ${sustained}/s: ${accepted.toFixed(0)} votes/s accepted (${((100 * accepted) / best).toFixed(0)} % of the best ${best.toFixed(0)}), ${refused.toFixed(0)} refused/s${refusedMs === undefined ? '' : `, 95 % of them within ${refusedMs.toFixed(0)} ms`}, ${run.summary.count('dropped_iterations')} not sent for want of a connection\n` +
      `  milliseconds, of 50 / 90 / 95 / 99 %: accepted ${figures('accept_ms')}; refused ${figures('refuse_ms')}; sent late ${figures('late_ms')}\n`,
  );
  const wrong = [
    ...miscounted(rampRun.summary, system.laws, rampRun.before, rampRun.after, system.outcomesKnown),
    ...miscounted(run.summary, system.laws, run.before, run.after, system.outcomesKnown),
    ...[...rampRun.summary.crossed(), ...run.summary.crossed()].map((line) => `threshold crossed: ${line}`),
    ...(accepted < LIMITS.stillAccepted * best ? ['less is accepted than at the best rate'] : []),
    ...(refusedMs !== undefined && refusedMs > LIMITS.refusedWithin ? ['refusals come late'] : []),
    ...Object.entries(run.memory)
      .filter(([name, { most }]) => !isServer(name) && most > LIMITS.memory)
      .map(([name]) => `${name} holds too much memory`),
  ];
  for (const line of wrong) process.stdout.write(`${pc.red('✖')} ${line}\n`);
  if (wrong.length === 0)
    process.stdout.write(`${pc.green('✔')} every count is exact, and the limits hold\n`);
  return wrong.length === 0 ? 0 : 1;
}
