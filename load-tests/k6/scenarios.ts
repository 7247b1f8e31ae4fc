/**
 * The scenarios: what each offers, how long, and what must hold. Read by k6 and by `npm run load`, so it imports
 * nothing. All are open models (arrival rates): a slow answer does not make the voters after it come later.
 */
export interface Size {
  /** Iterations a second at the scenario's height. */
  rate: number;
  /** Seconds in all. */
  seconds: number;
}

export interface Scenario extends Size {
  does: string;
  /** k6's `scenarios` of these sizes. */
  executors(size: Size): Record<string, Executor>;
  /** k6's thresholds. */
  thresholds(size: Size): Record<string, string[]>;
  /** Numbers of votes that a run may draw; each needs an elector and a law of its own. */
  votes(size: Size): number;
  /** Offered rates that are held in turn and reported each by itself; votes a second. */
  steps?: (size: Size) => number[];
}

export interface Executor {
  executor: 'constant-arrival-rate' | 'ramping-arrival-rate';
  exec: 'castVote' | 'castBurst' | 'castMix' | 'readResults';
  timeUnit: '1s';
  preAllocatedVUs: number;
  maxVUs: number;
  rate?: number;
  duration?: string;
  startRate?: number;
  stages?: { duration: string; target: number }[];
  gracefulStop: string;
}

/** Each VU waits for one answer at a time: so many suffice for `rate` as long as an answer takes two seconds at most. */
const people = (rate: number) => ({
  preAllocatedVUs: Math.max(10, Math.min(rate, 200)),
  maxVUs: Math.max(50, Math.min(2 * rate, 1_500)),
  timeUnit: '1s' as const,
  gracefulStop: '30s',
});

const constant = (exec: Executor['exec'], rate: number, seconds: number): Executor => ({
  executor: 'constant-arrival-rate',
  exec,
  rate,
  duration: `${seconds}s`,
  ...people(rate),
});

const ramping = (exec: Executor['exec'], stages: [seconds: number, rate: number][]): Executor => ({
  executor: 'ramping-arrival-rate',
  exec,
  startRate: stages[0]![1],
  stages: stages.map(([seconds, target]) => ({ duration: `${seconds}s`, target })),
  ...people(Math.max(...stages.map(([, rate]) => rate))),
});

/** What holds as long as the system isn't overloaded. Milliseconds. */
const HEALTHY = {
  accept_ms: ['p(95)<250', 'p(99)<1000'],
  refused: ['count==0'],
  unexpected: ['count==0'],
  dropped_iterations: ['count==0'],
};
/** What holds whatever is offered: every answer is a right one. */
const HONEST = { unexpected: ['count==0'] };

/** Rates of the ramp: doubled until the steps get rough, then by a quarter. */
function rampSteps({ rate }: Size): number[] {
  const steps: number[] = [];
  for (let step = 250; step < rate; step = Math.round(step * (step < 1_000 ? 2 : 1.25))) steps.push(step);
  return [...steps, rate];
}
export const STEP_SECONDS = 8;

export const SCENARIOS = {
  smoke: {
    does: 'a few votes: does everything answer as it should?',
    rate: 20,
    seconds: 10,
    executors: ({ rate, seconds }) => ({ voters: constant('castVote', rate, seconds) }),
    thresholds: () => HEALTHY,
    votes: ({ rate, seconds }) => rate * seconds,
  },
  average: {
    does: 'an ordinary hour, made shorter: a steady stream of votes and a few readers',
    rate: 300,
    seconds: 60,
    executors: ({ rate, seconds }) => ({
      voters: constant('castVote', rate, seconds),
      readers: constant('readResults', Math.ceil(rate / 10), seconds),
    }),
    thresholds: () => ({ ...HEALTHY, read_ms: ['p(95)<250'] }),
    votes: ({ rate, seconds }) => rate * seconds,
  },
  breaking: {
    does: 'more and more votes a second, step by step, up to where it no longer follows',
    rate: 6_000,
    seconds: 0,
    executors: (size) => ({
      voters: ramping(
        'castVote',
        rampSteps(size).flatMap((rate): [number, number][] => [
          [0, rate],
          [STEP_SECONDS, rate],
        ]),
      ),
    }),
    thresholds: () => HONEST,
    votes: (size) => rampSteps(size).reduce((sum, rate) => sum + rate * STEP_SECONDS, 0),
    steps: rampSteps,
  },
  spike: {
    does: 'quiet, then all at once, then quiet: what the autoscaler is for',
    rate: 2_000,
    seconds: 60,
    executors: ({ rate, seconds }) => ({
      voters: ramping('castVote', [
        [seconds / 4, rate / 20],
        [0, rate],
        [seconds / 2, rate],
        [0, rate / 20],
        [seconds / 4, rate / 20],
      ]),
    }),
    thresholds: () => ({ ...HONEST, accept_ms: ['p(95)<1000'] }),
    votes: ({ rate, seconds }) => Math.ceil(rate * seconds * 0.55),
  },
  soak: {
    does: 'for a long time: does anything grow?',
    rate: 150,
    seconds: 1_800,
    executors: ({ rate, seconds }) => ({
      voters: constant('castVote', rate, seconds),
      readers: constant('readResults', Math.ceil(rate / 10), seconds),
    }),
    thresholds: () => HEALTHY,
    votes: ({ rate, seconds }) => rate * seconds,
  },
  duplicates: {
    does: 'every voter sends the vote five times at once',
    rate: 100,
    seconds: 30,
    executors: ({ rate, seconds }) => ({ voters: constant('castBurst', rate, seconds) }),
    thresholds: () => ({ ...HONEST, refused: ['count==0'], dropped_iterations: ['count==0'] }),
    votes: ({ rate, seconds }) => rate * seconds,
  },
  hostile: {
    does: 'good votes among strangers, broken bodies, wrong types and addresses that are none',
    rate: 200,
    seconds: 30,
    executors: ({ rate, seconds }) => ({ voters: constant('castMix', rate, seconds) }),
    thresholds: () => HEALTHY,
    votes: ({ rate, seconds }) => rate * seconds,
  },
  readers: {
    does: 'the evening: everybody looks at the results while the last votes come',
    rate: 500,
    seconds: 30,
    executors: ({ rate, seconds }) => ({
      readers: constant('readResults', rate, seconds),
      voters: constant('castVote', Math.ceil(rate / 20), seconds),
    }),
    thresholds: () => ({ ...HEALTHY, read_ms: ['p(95)<250'] }),
    votes: ({ rate, seconds }) => Math.ceil(rate / 20) * seconds,
  },
  overload: {
    does: 'far more than it can take, from one moment to the next, after what it can take',
    rate: 6_000,
    seconds: 20,
    // So many people that nearly all of them wait at the door of a system that has room for a thousand.
    executors: ({ rate, seconds }) => ({
      voters: { ...constant('castVote', rate, seconds), preAllocatedVUs: 1_000, maxVUs: 3_000 },
    }),
    thresholds: () => HONEST,
    votes: ({ rate, seconds }) => rate * seconds,
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
