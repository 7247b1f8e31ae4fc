import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElectionUnderTest } from '../support/election-under-test.ts';
import { removeElection } from '../support/remove-election.ts';
import { check } from './check.ts';
import { Clients } from './clients.ts';
import { readEndState } from './end-state.ts';
import type { Fault } from './fault.ts';
import type { History } from './history.ts';
import { KINDS } from './kinds.ts';
import { Random } from './random.ts';
import { Routes } from './routes.ts';
import { type Scene, STAGES, sendSignal } from './scene.ts';
import type { FaultServers } from './servers.ts';
import { settle } from './settle.ts';
import { planWorkload } from './workload.ts';

/** What a seed says of its round. */
export interface RoundPlan {
  seed: number;
  kinds: string[];
  faults: Fault[];
  voters: number;
  requests: number;
  lanes: number;
  rate: number;
}

export interface RoundOutcome {
  /** What is wrong; empty if the round has passed. */
  problems: string[];
  history: History;
  /** Where the stages' logs are, if the round has failed. */
  folder: string;
}

/** Once everything is repaired, so long may it take until all is ready, and every accepted vote counted. Milliseconds. */
const READY_LIMIT_MS = 90_000;
const SETTLE_LIMIT_MS = 120_000;

/** Shorter than their defaults, so that a round need not be long to see what follows them. */
const SETTINGS = { CONFIRM_TIMEOUT_MS: '2000', STATEMENT_TIMEOUT_MS: '5000' };

/** Of the seed alone: the first kind follows from its place among all, up to two more are chance. */
export function planRound(seed: number, only?: readonly string[]): RoundPlan {
  const random = new Random(seed);
  const names = Object.keys(KINDS);
  const kinds = only ? [...only] : [names[seed % names.length]!];
  if (!only) for (let more = random.pick([0, 0, 1, 2]); more > 0; more--) kinds.push(random.pick(names));
  const faults = kinds.map((name) => KINDS[name]!(random)).sort((a, b) => a.at - b.at);
  const requests = random.between(600, 1_500);
  return {
    seed,
    kinds,
    faults,
    voters: requests,
    requests,
    lanes: random.between(8, 48),
    rate: random.between(250, 500),
  };
}

/** Runs a round on servers that are up, and leaves them up and without its election. */
export async function runRound(plan: RoundPlan, servers: FaultServers): Promise<RoundOutcome> {
  const routes = await Routes.open(STAGES, servers.urls);
  try {
    return await castAndCheck(plan, servers, routes);
  } finally {
    await routes.close();
  }
}

async function castAndCheck(plan: RoundPlan, servers: FaultServers, routes: Routes): Promise<RoundOutcome> {
  const clocks = join(servers.file.folder, 'clocks');
  const election = await ElectionUnderTest.start({
    urls: servers.urls,
    voters: plan.voters,
    env: SETTINGS,
    settingsOf: (stage, settings) => ({
      ...routes.settings(stage, settings),
      ...(plan.kinds.includes('clock-jump') && clockSettings(`${clocks}-${stage}`)),
    }),
  });
  const over = new AbortController();
  const scene: Scene = {
    election,
    servers,
    routes,
    over: over.signal,
    down: new Set(),
    poison: new Set(),
    shiftClock: (stage, ms) => writeFileSync(`${clocks}-${stage}`, String(ms)),
  };
  const intents = planWorkload(election, plan.requests, new Random(plan.seed ^ 0x5eed));
  const waiting = [...plan.faults];
  const striking: Promise<void>[] = [];
  const clients = new Clients({
    url: await routes.toIngestion(election.ingestion.url),
    resultsUrl: election.results.url,
    lanes: plan.lanes,
    rate: plan.rate,
    timeoutMs: 3_000,
    onProgress: (done) => {
      while (waiting.length > 0 && done >= waiting[0]!.at * intents.length)
        striking.push(waiting.shift()!.strike(scene));
    },
  });
  const { history } = clients;
  let problems: string[];
  try {
    for (const fault of plan.faults) await fault.prepare?.(scene);
    await clients.cast(intents);
    over.abort();
    await Promise.all(striking);
    await repair(scene);
    await settle(election, SETTLE_LIMIT_MS);
    const known = history.attempts.flatMap(({ ballot, requestId }) => ballot.ballotId ?? requestId ?? []);
    const end = await readEndState(election, [...new Set(known)], scene.poison);
    problems = [...check(history, end), ...endedByThemselves(election)];
  } catch (error) {
    problems = [`the round broke off: ${(error as Error).stack}`, ...endedByThemselves(election)];
  } finally {
    over.abort();
    await Promise.allSettled(striking);
    servers.volume?.clear();
    for (const { pid } of election.stages) if (pid !== undefined) sendSignal(pid, 'SIGCONT');
    await Promise.all(election.stages.map((stage) => stage.stop('SIGKILL')));
  }
  if (problems.length === 0) {
    await servers.repair();
    await removeElection(election);
  }
  return { problems, history, folder: election.folder };
}

const clockSettings = (file: string): Record<string, string> => ({
  CLOCK_SHIFT_FILE: file,
  NODE_OPTIONS: `--import=${new URL('./shift-clock.ts', import.meta.url).href}`,
});

/** Servers and stages that a fault has left down are up again; what was stopped goes on. */
async function repair({ election, servers }: Scene): Promise<void> {
  await servers.repair();
  for (const stage of election.stages) {
    if (stage.pid === undefined) stage.start();
    else sendSignal(stage.pid, 'SIGCONT');
  }
  await Promise.all(election.stages.map((stage) => stage.ready(READY_LIMIT_MS)));
}

/** Stages that ended without being asked to, with a fatal line (level 60): no fault of a server is a reason to. */
const endedByThemselves = (election: ElectionUnderTest): string[] =>
  election
    .logs()
    .split('\n')
    .filter((line) => line.includes('"level":60') || line.includes('"level":"fatal"'))
    .map((line) => `a stage ended by itself: ${line.slice(0, 400)}`);
