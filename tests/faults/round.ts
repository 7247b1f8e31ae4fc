import { Clients } from './clients.ts';
import type { Fault } from './fault.ts';
import type { FaultyElection } from './faulty-election.ts';
import { KINDS } from './kinds.ts';
import { Random } from './random.ts';
import { planWorkload } from './workload.ts';

/** What a seed says of its round. */
export interface RoundPlan {
  seed: number;
  kinds: string[];
  faults: Fault[];
  requests: number;
  lanes: number;
  rate: number;
}

export interface RoundOutcome {
  /** What is wrong; empty if the round has passed. */
  problems: string[];
  accepted: number;
  refused: number;
  unknown: number;
  /** How often a fault has come to nothing. */
  missed: number;
  /** What took how long, milliseconds. */
  phases: Record<string, number>;
}

/** Of the seed alone: the first kind follows from its place among all, up to two more are chance. */
export function planRound(seed: number, only?: readonly string[]): RoundPlan {
  const random = new Random(seed);
  const names = Object.keys(KINDS);
  const kinds = only ? [...only] : [names[seed % names.length]!];
  if (!only) for (let more = random.pick([0, 0, 1, 2]); more > 0; more--) kinds.push(random.pick(names));
  const faults = kinds.map((name) => KINDS[name]!(random)).sort((a, b) => a.at - b.at);
  return {
    seed,
    kinds,
    faults,
    requests: random.between(250, 800),
    lanes: random.between(8, 48),
    rate: random.between(100, 250),
  };
}

/** Casts the round's votes, breaks what its plan says, repairs it and checks. Never rejects. */
export async function runRound(plan: RoundPlan, faulty: FaultyElection): Promise<RoundOutcome> {
  const { election, history } = faulty;
  const before = history.attempts.length;
  const phases: Record<string, number> = {};
  let since = performance.now();
  const phase = (name: string) => {
    phases[name] = Math.round(performance.now() - since);
    since = performance.now();
  };
  const over = new AbortController();
  const scene = faulty.scene(over.signal);
  const { id, pepper, laws } = election;
  const electors = faulty.nextElectors();
  const intents = planWorkload({ id, pepper, laws, electors }, plan.requests, new Random(plan.seed ^ 0x5eed));
  const waiting = [...plan.faults];
  const striking: Promise<void>[] = [];
  const begin = (fault: Fault): Promise<void> => {
    const strike = fault.strike(scene);
    // What is wrong with it is told when it is waited for; until then it is not unhandled.
    strike.catch(() => {});
    return strike;
  };
  const clients = new Clients({
    history,
    begunAt: faulty.begunAt,
    url: faulty.url,
    resultsUrl: election.results.url,
    lanes: plan.lanes,
    rate: plan.rate,
    timeoutMs: 3_000,
    onProgress: (done) => {
      while (waiting.length > 0 && done >= waiting[0]!.at * intents.length)
        striking.push(begin(waiting.shift()!));
    },
  });
  let problems: string[];
  try {
    for (const fault of plan.faults) await fault.prepare?.(scene);
    phase('prepare');
    await clients.cast(intents);
    over.abort();
    phase('cast');
    await Promise.all(striking);
    await faulty.repair();
    phase('repair');
    problems = await faulty.checkRunning();
    phase('check');
  } catch (error) {
    problems = [`the round broke off: ${(error as Error).stack}`];
  } finally {
    over.abort();
    await Promise.allSettled(striking);
  }
  const mine = history.attempts.slice(before);
  const of = (outcome: string) => mine.filter((attempt) => attempt.outcome === outcome).length;
  return {
    problems,
    accepted: of('accepted'),
    refused: of('refused'),
    unknown: of('unknown'),
    missed: scene.missed,
    phases,
  };
}
