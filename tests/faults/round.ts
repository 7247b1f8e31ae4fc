import { ElectionUnderTest } from '../support/election-under-test.ts';
import { removeElection } from '../support/remove-election.ts';
import { check } from './check.ts';
import { Clients } from './clients.ts';
import { readEndState } from './end-state.ts';
import type { Fault } from './fault.ts';
import type { History } from './history.ts';
import { KINDS } from './kinds.ts';
import { Random } from './random.ts';
import type { Scene } from './scene.ts';
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

/** Once everything is repaired, so long may it take until every accepted vote is counted. Milliseconds. */
const SETTLE_LIMIT_MS = 120_000;

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
  const election = await ElectionUnderTest.start({ urls: servers.urls, voters: plan.voters });
  const over = new AbortController();
  const scene: Scene = { election, servers, over: over.signal };
  const intents = planWorkload(election, plan.requests, new Random(plan.seed ^ 0x5eed));
  const waiting = [...plan.faults];
  const striking: Promise<void>[] = [];
  const clients = new Clients({
    url: election.ingestion.url,
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
    await clients.cast(intents);
    over.abort();
    await Promise.all(striking);
    await repair(scene);
    await settle(election, SETTLE_LIMIT_MS);
    const known = new Set(
      history.attempts.flatMap(({ ballot, requestId }) => ballot.ballotId ?? requestId ?? []),
    );
    problems = check(history, await readEndState(election, [...known], isPoison));
  } catch (error) {
    problems = [`the round broke off: ${(error as Error).stack}`];
  } finally {
    over.abort();
    await Promise.allSettled(striking);
    for (const { pid } of election.stages) if (pid !== undefined) process.kill(pid, 'SIGCONT');
    await Promise.all(election.stages.map((stage) => stage.stop('SIGKILL')));
  }
  if (problems.length === 0) {
    await servers.repair();
    await removeElection(election);
  }
  return { problems, history, folder: election.folder };
}

/** Servers and stages that a fault has left down are up again; what was stopped goes on. */
async function repair({ election, servers }: Scene): Promise<void> {
  await servers.repair();
  for (const stage of election.stages) {
    if (stage.pid === undefined) stage.start();
    else process.kill(stage.pid, 'SIGCONT');
  }
  await Promise.all(election.stages.map((stage) => stage.ready(60_000)));
}

const isPoison = (message: string): boolean => message.includes('poison');
